package io.murmuration.config;

import org.apache.flink.configuration.ConfigOption;

/**
 * Whose the budget is.
 *
 * @param enabled whether it is each user's, so that training never ends; otherwise the domain's
 * @param generations how many lifetimes it is for, at least 1
 * @param newGeneration the generation that should be open; null for whichever is
 * @param idKeyFile file of the key under which users are counted; null where they are not
 */
public record HorizonConfig(
    boolean enabled, int generations, Integer newGeneration, String idKeyFile) {

  /** The budget is the domain's. */
  public static final HorizonConfig OFF =
      new HorizonConfig(
          /* enabled= */ false,
          /* generations= */ 1,
          /* newGeneration= */ null,
          /* idKeyFile= */ null);

  static boolean isEnabled(Faults faults) {
    return Boolean.TRUE.equals(faults.optional(HorizonOptions.ENABLED));
  }

  /** Reads it, and what else of the guarantee has another meaning with it. */
  static HorizonConfig read(Faults faults) {
    if (!isEnabled(faults)) {
      for (ConfigOption<?> option : HorizonOptions.OF_LIFETIMES) {
        if (faults.isGiven(option)) {
          faults.add(option, "needs %s: true".formatted(HorizonOptions.ENABLED.key()));
        }
      }
      return OFF;
    }
    Integer generations = faults.atLeast(HorizonOptions.GENERATIONS, 1);
    Integer newGeneration = faults.optionalAtLeast(HorizonOptions.NEW_GENERATION, 1);
    if (generations != null && newGeneration != null && newGeneration > generations) {
      faults.add(
          HorizonOptions.NEW_GENERATION,
          "must be at most %s, %d, but is %d"
              .formatted(HorizonOptions.GENERATIONS.key(), generations, newGeneration));
    }
    String idKeyFile = faults.required(HorizonOptions.ID_KEY_FILE);
    refuseWhatItRulesOut(faults);
    return generations == null
        ? null
        : new HorizonConfig(/* enabled= */ true, generations, newGeneration, idKeyFile);
  }

  private static void refuseWhatItRulesOut(Faults faults) {
    String rule = "must not be given where %s is true: ".formatted(HorizonOptions.ENABLED.key());
    if (faults.isGiven(PrivacyOptions.ROUNDS) && faults.isGiven(PrivacyOptions.NOISE_MULTIPLIER)) {
      faults.add(
          PrivacyOptions.ROUNDS,
          rule
              + "how many rounds count for a user follows from budget and %s"
                  .formatted(PrivacyOptions.NOISE_MULTIPLIER.key()));
    }
    if (Boolean.TRUE.equals(faults.optional(PrivacyOptions.RAISE_BUDGET))) {
      faults.add(
          PrivacyOptions.RAISE_BUDGET,
          rule
              + "lifetimes are reserved at genesis (%s)"
                  .formatted(HorizonOptions.GENERATIONS.key()));
    }
    Integer recalibrations = faults.optional(CalibrationOptions.RECALIBRATIONS);
    if (Boolean.TRUE.equals(faults.optional(CalibrationOptions.ENABLED))
        && recalibrations != null
        && recalibrations > 0) {
      faults.add(
          CalibrationOptions.RECALIBRATIONS,
          "must be 0 where %s is true but is %d: another mechanism is another generation"
              .formatted(HorizonOptions.ENABLED.key(), recalibrations));
    }
  }
}
