package io.murmuration.config;

import io.murmuration.config.EventOptions.FormatKind;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;

/** What a configuration amounts to, by the keys of its options. */
final class EffectiveSettings {

  private static final String CALIBRATION = "calibration.";
  private static final String HORIZON = "horizon.";

  private EffectiveSettings() {}

  /**
   * The value of every option that has one: as given, else derived from others, else its default.
   * Options are left out where they have no say: those of a calibration or a horizon that is not
   * enabled, and those that a calibration chooses; fields of a format that has none to choose.
   *
   * @param given the settings, properties of Kafka apart
   * @param privacy the guarantee
   * @param events the format of records
   * @param io a part with values that are derived
   * @param training a part with values that are derived
   */
  static Map<String, String> of(
      Map<String, String> given,
      PrivacyConfig privacy,
      EventsConfig events,
      IoConfig io,
      TrainingConfig training) {
    Configuration configuration = Configuration.fromMap(given);
    Map<String, String> derived =
        Map.of(
            IoOptions.GROUP_ID.key(), io.groupId(),
            IoOptions.LEDGER_TOPIC.key(), io.topics().ledger(),
            IoOptions.FEEDBACK_TOPIC.key(), io.topics().feedback(),
            IoOptions.RUN_ID.key(), io.runId(),
            TrainingOptions.LEARNING_RATE.key(), Double.toString(training.learningRate()),
            TrainingOptions.SCHEDULE.key(), training.schedule().name(),
            TrainingOptions.RELEASED_WEIGHTS.key(), training.releasedWeights().name());
    Map<String, String> effective = new LinkedHashMap<>();
    for (ConfigOption<?> option : OptionDocs.all()) {
      String key = option.key();
      if (configuration.contains(option)) {
        effective.put(key, given.get(key));
      } else if (derived.containsKey(key)) {
        effective.put(key, derived.get(key));
      } else if (option.hasDefaultValue() && takesEffect(option, privacy, events.format())) {
        effective.put(key, OptionDocs.defaultText(option));
      }
    }
    io.kafkaProperties()
        .forEach((key, value) -> effective.put(IoOptions.KAFKA_PROPERTIES_PREFIX + key, value));
    return effective;
  }

  private static boolean takesEffect(
      ConfigOption<?> option, PrivacyConfig privacy, FormatKind format) {
    if (!EventsConfig.isUsed(option, format)) {
      return false;
    }
    if (option.key().startsWith(HORIZON) && !privacy.horizon().enabled()) {
      return option.equals(HorizonOptions.ENABLED);
    }
    if (privacy.calibrated()) {
      return !PrivacyOptions.CHOSEN_BY_CALIBRATION.contains(option);
    }
    return !option.key().startsWith(CALIBRATION) || option.equals(CalibrationOptions.ENABLED);
  }
}
