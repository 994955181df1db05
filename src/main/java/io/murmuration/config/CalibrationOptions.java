package io.murmuration.config;

import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;

/**
 * How bound, clip norm and noise are chosen from the stream. All of it is public, and fixed before
 * data is looked at.
 */
final class CalibrationOptions {

  public static final ConfigOption<Boolean> ENABLED =
      ConfigOptions.key("calibration.enabled")
          .booleanType()
          .defaultValue(false)
          .withDescription(
              "Whether training's sampling probability, group size, noise and expected units are chosen privately from the stream, and charged. Those options are then refused.");

  public static final ConfigOption<Double> BUDGET_SHARE =
      ConfigOptions.key("calibration.budget-share")
          .doubleType()
          .defaultValue(0.1)
          .withDescription(
              "Part of privacy.epsilon that all measurements together would cost if there were nothing else; it decides their noise.");

  public static final ConfigOption<Integer> ATTEMPTS =
      ConfigOptions.key("calibration.attempts")
          .intType()
          .defaultValue(3)
          .withDescription(
              "How often a measurement may be tried where failures void it. All measurements of the domain share attempts - 1 repetitions, paid for in advance.");

  public static final ConfigOption<Long> POPULATION =
      ConfigOptions.key("calibration.population")
          .longType()
          .noDefaultValue()
          .withDescription("Users to plan for, n. A public constant, never a count of the data.");

  public static final ConfigOption<Double> COMPUTE =
      ConfigOptions.key("calibration.compute")
          .doubleType()
          .noDefaultValue()
          .withDescription(
              "Expected gradients of single examples a round, B: what the choice holds fixed.");

  public static final ConfigOption<List<Integer>> CANDIDATES =
      ConfigOptions.key("calibration.candidates")
          .intType()
          .asList()
          .defaultValues(1, 2, 4, 8, 16, 32)
          .withDescription("ULS: the group sizes to choose from, ascending.");

  public static final ConfigOption<Double> NORM_SAMPLING_PROBABILITY =
      ConfigOptions.key("calibration.norm-sampling-probability")
          .doubleType()
          .defaultValue(0.05)
          .withDescription("Probability of a user to take part in the measurement of norms.");

  public static final ConfigOption<Double> NORM_QUANTILE =
      ConfigOptions.key("calibration.norm-quantile")
          .doubleType()
          .defaultValue(0.5)
          .withDescription(
              "The quantile of the measured norms that counts as typical and becomes the clip norm.");

  public static final ConfigOption<Double> SMALLEST_NORM =
      ConfigOptions.key("calibration.smallest-norm")
          .doubleType()
          .defaultValue(0.01)
          .withDescription("Smallest gradient norm told apart; smaller ones count as it.");

  public static final ConfigOption<Double> LARGEST_NORM =
      ConfigOptions.key("calibration.largest-norm")
          .doubleType()
          .defaultValue(1000.0)
          .withDescription("Largest gradient norm told apart; larger ones count as it.");

  public static final ConfigOption<Boolean> MEASURE_CLIP_NORM =
      ConfigOptions.key("calibration.measure-clip-norm")
          .booleanType()
          .defaultValue(false)
          .withDescription(
              "ELS: also measure norms of single examples and clip to them; otherwise privacy.clip-norm. ULS always measures.");

  public static final ConfigOption<Long> WARM_UP_WINDOWS =
      ConfigOptions.key("calibration.warm-up-windows")
          .longType()
          .defaultValue(1L)
          .withDescription("Windows of the domain's life before the first calibration.");

  public static final ConfigOption<Integer> RECALIBRATIONS =
      ConfigOptions.key("calibration.recalibrations")
          .intType()
          .defaultValue(0)
          .withDescription(
              "How often training is interrupted by another calibration. Budget and rounds are divided by one more than this.");

  public static final ConfigOption<Long> RECALIBRATION_WINDOWS =
      ConfigOptions.key("calibration.recalibration-windows")
          .longType()
          .defaultValue(7L)
          .withDescription("Windows from one calibration to the next.");

  private CalibrationOptions() {}
}
