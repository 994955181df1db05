package io.murmuration.config;

import io.murmuration.privacy.mechanism.Sampler;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;

/**
 * A job's configuration, whole and valid.
 *
 * @param privacy the guarantee
 * @param calibration how training's mechanism is chosen from the stream; null where it is
 *     configured
 * @param contribution bounds of keyed state and input rules
 * @param events how records are written
 * @param training model and optimizer
 * @param placement what slots ask of task managers; null where they ask for nothing
 * @param io where data comes from and goes
 * @param settings what all of it was read from: the value of every option that has one, by its key,
 *     defaults included; and properties of Kafka, secrets among them
 */
public record MurmurationConfig(
    PrivacyConfig privacy,
    CalibrationConfig calibration,
    ContributionConfig contribution,
    EventsConfig events,
    TrainingConfig training,
    PlacementConfig placement,
    IoConfig io,
    Map<String, String> settings) {

  public MurmurationConfig {
    settings = Collections.unmodifiableMap(new LinkedHashMap<>(settings));
  }

  /**
   * Reads options from their keys.
   *
   * @throws InvalidConfigurationException listing every fault: unknown keys, missing and bad values
   */
  public static MurmurationConfig of(Map<String, String> settings) {
    Map<String, String> kafkaProperties = new HashMap<>();
    Map<String, String> options = new TreeMap<>();
    settings.forEach(
        (key, value) -> {
          if (key.startsWith(IoOptions.KAFKA_PROPERTIES_PREFIX)) {
            kafkaProperties.put(key.substring(IoOptions.KAFKA_PROPERTIES_PREFIX.length()), value);
          } else {
            options.put(key, value);
          }
        });
    Configuration configuration = Configuration.fromMap(options);
    Faults faults = new Faults(configuration);
    reportUnknownKeys(options.keySet(), faults);
    // each part is read even where an earlier one has faults, so that all are reported at once
    PrivacyConfig privacy = PrivacyConfig.read(faults);
    CalibrationConfig calibration = CalibrationConfig.read(faults);
    ContributionConfig contribution = ContributionConfig.read(faults);
    EventsConfig events = EventsConfig.read(faults);
    TrainingConfig training = TrainingConfig.read(faults);
    PlacementConfig placement = PlacementConfig.read(faults);
    IoConfig io = IoConfig.read(faults, kafkaProperties);
    if (privacy != null && contribution != null && privacy.sampler() == Sampler.ELS) {
      if (!privacy.calibrated()) {
        checkPoolFitsTheAccounting(privacy, contribution, faults);
      } else if (contribution.windows() < 2) {
        faults.add(
            ContributionOptions.WINDOWS,
            "must be at least 2 where ELS is calibrated but is %d: what is counted is the last complete window"
                .formatted(contribution.windows()));
      }
    }
    faults.throwIfAny();
    return new MurmurationConfig(
        privacy,
        calibration,
        contribution,
        events,
        training,
        placement,
        io,
        EffectiveSettings.of(options, privacy, events, io, training));
  }

  /**
   * Under ELS a user's ε grows with the pool, and the accountant was told that it holds at most G.
   */
  private static void checkPoolFitsTheAccounting(
      PrivacyConfig privacy, ContributionConfig contribution, Faults faults) {
    long pool = (long) contribution.examplesPerWindow() * contribution.windows();
    if (pool > privacy.groupSize()) {
      faults.add(
          ContributionOptions.EXAMPLES_PER_WINDOW,
          "times %s must be at most %s, %d, under ELS but is %d"
              .formatted(
                  ContributionOptions.WINDOWS.key(),
                  PrivacyOptions.GROUP_SIZE.key(),
                  privacy.groupSize(),
                  pool));
    }
  }

  private static void reportUnknownKeys(Set<String> keys, Faults faults) {
    Set<String> known =
        OptionDocs.all().stream().map(ConfigOption::key).collect(Collectors.toSet());
    Set<String> unknown = new TreeSet<>(keys);
    unknown.removeAll(known);
    for (String key : unknown) {
      String tail = key.substring(key.lastIndexOf('.') + 1);
      String similar =
          known.stream()
              .filter(candidate -> candidate.endsWith(tail))
              .sorted()
              .findFirst()
              .orElse(null);
      faults.add(
          key + " is not an option" + (similar == null ? "" : "; did you mean " + similar + "?"));
    }
  }
}
