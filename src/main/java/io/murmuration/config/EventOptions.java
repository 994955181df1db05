package io.murmuration.config;

import io.murmuration.event.TimeFormat;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;

/** How the records of the interactions topic are written. */
final class EventOptions {

  /** Forms of a record's value. */
  public enum FormatKind {
    /** Avro single-object encoding; schemas are known when the job is submitted. */
    AVRO,
    /** A JSON object in UTF-8. */
    JSON
  }

  public static final ConfigOption<FormatKind> FORMAT =
      ConfigOptions.key("events.format")
          .enumType(FormatKind.class)
          .defaultValue(FormatKind.AVRO)
          .withDescription(
              "How values are written. AVRO: single-object encoding, with the built-in schemas and"
                  + " those of events.schema-directory. JSON: an object in UTF-8.");

  public static final ConfigOption<String> SCHEMA_DIRECTORY =
      ConfigOptions.key("events.schema-directory")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "AVRO: directory of further Avro schemas (.avsc) that producers write with; read when"
                  + " the job is submitted.");

  public static final ConfigOption<String> USER_ID_FIELD =
      ConfigOptions.key("events.fields.user-id")
          .stringType()
          .defaultValue("user_id")
          .withDescription(
              "JSON: where the user id stands, a string that is also the record's key. Names from"
                  + " the outside in, with dots between them: payload.user.id.");

  public static final ConfigOption<String> EVENT_TIME_FIELD =
      ConfigOptions.key("events.fields.event-time")
          .stringType()
          .defaultValue("event_time")
          .withDescription("Where the event's time stands; events.time-format says how.");

  public static final ConfigOption<String> TEXT_FIELD =
      ConfigOptions.key("events.fields.text")
          .stringType()
          .defaultValue("text")
          .withDescription("Where the text that is trained on stands, a string.");

  public static final ConfigOption<String> PROMPT_FIELD =
      ConfigOptions.key("events.fields.prompt")
          .stringType()
          .defaultValue("prompt")
          .withDescription("Where its prompt stands, a string; there need not be one.");

  public static final ConfigOption<String> EVENT_ID_FIELD =
      ConfigOptions.key("events.fields.event-id")
          .stringType()
          .defaultValue("event_id")
          .withDescription(
              "Where the event's id stands, a string or a whole number; there need not be one.");

  public static final ConfigOption<String> ERASE_FIELD =
      ConfigOptions.key("events.fields.erase")
          .stringType()
          .defaultValue("erase")
          .withDescription(
              "Where true says that the user asks to be forgotten; there need not be one.");

  public static final ConfigOption<TimeFormat> TIME_FORMAT =
      ConfigOptions.key("events.time-format")
          .enumType(TimeFormat.class)
          .noDefaultValue()
          .withDescription(
              "How times are written: ISO (a string, ISO 8601 with an offset), SECONDS (with or"
                  + " without a fraction), MILLIS or MICROS since 1970. JSON: ISO where not given.");

  /** What only formats with fields of any name ask for. */
  static final List<ConfigOption<?>> OF_FIELDS =
      List.of(
          USER_ID_FIELD,
          EVENT_TIME_FIELD,
          TEXT_FIELD,
          PROMPT_FIELD,
          EVENT_ID_FIELD,
          ERASE_FIELD,
          TIME_FORMAT);

  private EventOptions() {}
}
