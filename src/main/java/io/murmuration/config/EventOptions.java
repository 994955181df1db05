package io.murmuration.config;

import io.murmuration.event.TimeFormat;
import io.murmuration.registry.RegistryEndpoint;
import java.time.Duration;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;

/** How the records of the interactions topic are written. */
public final class EventOptions {

  /** Forms of a record's value. */
  public enum FormatKind {
    /** Avro single-object encoding; schemas are known when the job is submitted. */
    AVRO,
    /** Avro in Confluent's wire format; schemas are a registry's. */
    AVRO_REGISTRY,
    /** A JSON object in UTF-8. */
    JSON
  }

  public static final ConfigOption<FormatKind> FORMAT =
      ConfigOptions.key("events.format")
          .enumType(FormatKind.class)
          .defaultValue(FormatKind.AVRO)
          .withDescription(
              "How values are written. AVRO: single-object encoding, with the built-in schemas and"
                  + " those of events.schema-directory. AVRO_REGISTRY: Confluent's wire format, with"
                  + " the schemas of events.registry. JSON: an object in UTF-8.");

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
              "AVRO_REGISTRY and JSON: where the user id stands, a string that is also the record's key. Names from"
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
                  + " without a fraction), MILLIS, MICROS or NANOS since 1970. JSON: ISO where not"
                  + " given. AVRO_REGISTRY: a schema's logical type decides; numbers without one need"
                  + " this.");

  public static final ConfigOption<List<String>> REGISTRY_URLS =
      ConfigOptions.key("events.registry.url")
          .stringType()
          .asList()
          .noDefaultValue()
          .withDescription(
              "URLs of the nodes of a schema registry with Confluent's interface, path included;"
                  + " tried in this order.");

  public static final ConfigOption<String> REGISTRY_USER =
      ConfigOptions.key("events.registry.user")
          .stringType()
          .noDefaultValue()
          .withDescription("User for basic authentication at the registry.");

  public static final ConfigOption<String> REGISTRY_PASSWORD =
      ConfigOptions.key("events.registry.password")
          .stringType()
          .noDefaultValue()
          .withDescription("The user's password.");

  public static final ConfigOption<String> REGISTRY_TOKEN =
      ConfigOptions.key("events.registry.token")
          .stringType()
          .noDefaultValue()
          .withDescription("Token for bearer authentication at the registry.");

  public static final ConfigOption<String> REGISTRY_TRUST_STORE =
      ConfigOptions.key("events.registry.trust-store")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "Certificates that the registry's is trusted by (PEM, PKCS12 or JKS), on every task"
                  + " manager of ingest; the JVM's own where not given.");

  public static final ConfigOption<String> REGISTRY_TRUST_STORE_PASSWORD =
      ConfigOptions.key("events.registry.trust-store-password")
          .stringType()
          .noDefaultValue()
          .withDescription("Password of the trust store.");

  public static final ConfigOption<String> REGISTRY_KEY_STORE =
      ConfigOptions.key("events.registry.key-store")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "Key and certificate to show to the registry (PKCS12 or JKS), on every task manager"
                  + " of ingest.");

  public static final ConfigOption<String> REGISTRY_KEY_STORE_PASSWORD =
      ConfigOptions.key("events.registry.key-store-password")
          .stringType()
          .noDefaultValue()
          .withDescription("Password of the key store and of the key in it.");

  public static final ConfigOption<Duration> REGISTRY_TIMEOUT =
      ConfigOptions.key("events.registry.timeout")
          .durationType()
          .defaultValue(RegistryEndpoint.DEFAULT_TIMEOUT)
          .withDescription("How long the registry may take for one answer.");

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

  /** What only a registry asks for. */
  static final List<ConfigOption<?>> OF_REGISTRY =
      List.of(
          REGISTRY_URLS,
          REGISTRY_USER,
          REGISTRY_PASSWORD,
          REGISTRY_TOKEN,
          REGISTRY_TRUST_STORE,
          REGISTRY_TRUST_STORE_PASSWORD,
          REGISTRY_KEY_STORE,
          REGISTRY_KEY_STORE_PASSWORD,
          REGISTRY_TIMEOUT);

  /** What is never shown. */
  static final List<ConfigOption<?>> SECRETS =
      List.of(
          REGISTRY_PASSWORD,
          REGISTRY_TOKEN,
          REGISTRY_TRUST_STORE_PASSWORD,
          REGISTRY_KEY_STORE_PASSWORD);

  /** Whether an option's value is never to be shown. */
  public static boolean isSecret(String key) {
    return SECRETS.stream().anyMatch(option -> option.key().equals(key));
  }

  private EventOptions() {}
}
