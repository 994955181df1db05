package io.murmuration.config;

import io.murmuration.config.EventOptions.FormatKind;
import io.murmuration.event.FieldPath;
import io.murmuration.event.FieldPaths;
import io.murmuration.event.TimeFormat;
import io.murmuration.registry.RegistryEndpoint;
import io.murmuration.registry.RegistryEndpoint.KeyFile;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;

/**
 * How the records of the interactions topic are written.
 *
 * @param format form of the values
 * @param schemaDirectory further writer schemas for AVRO, or null
 * @param paths where the parts of an event stand in formats that leave it open
 * @param timeFormat how times are written; null where it is not given
 * @param registry where the schemas of AVRO_REGISTRY are, or null
 */
public record EventsConfig(
    FormatKind format,
    String schemaDirectory,
    FieldPaths paths,
    TimeFormat timeFormat,
    RegistryEndpoint registry) {

  private static final List<ConfigOption<?>> OF_FORMATS =
      Stream.of(
              List.<ConfigOption<?>>of(EventOptions.SCHEMA_DIRECTORY),
              EventOptions.OF_FIELDS,
              EventOptions.OF_REGISTRY)
          .<ConfigOption<?>>flatMap(List::stream)
          .toList();

  static EventsConfig read(Faults faults) {
    faults.startPart();
    FormatKind format = faults.required(EventOptions.FORMAT);
    String schemaDirectory = faults.optional(EventOptions.SCHEMA_DIRECTORY);
    for (ConfigOption<?> option : OF_FORMATS) {
      if (format != null && faults.isGiven(option) && !isUsed(option, format)) {
        faults.add(
            option,
            "must not be given where %s is %s, which has no use for it"
                .formatted(EventOptions.FORMAT.key(), format));
      }
    }
    FieldPath userId = path(faults, EventOptions.USER_ID_FIELD);
    FieldPath eventTime = path(faults, EventOptions.EVENT_TIME_FIELD);
    FieldPath text = path(faults, EventOptions.TEXT_FIELD);
    FieldPath prompt = path(faults, EventOptions.PROMPT_FIELD);
    FieldPath eventId = path(faults, EventOptions.EVENT_ID_FIELD);
    FieldPath erase = path(faults, EventOptions.ERASE_FIELD);
    TimeFormat timeFormat = faults.optional(EventOptions.TIME_FORMAT);
    RegistryEndpoint registry = format == FormatKind.AVRO_REGISTRY ? registry(faults) : null;
    return faults.build(
        () ->
            new EventsConfig(
                format,
                schemaDirectory,
                new FieldPaths(userId, eventTime, text, prompt, eventId, erase),
                timeFormat,
                registry));
  }

  /** Whether a format has a use for an option, of those that not every format uses. */
  static boolean isUsed(ConfigOption<?> option, FormatKind format) {
    if (EventOptions.OF_REGISTRY.contains(option)) {
      return format == FormatKind.AVRO_REGISTRY;
    }
    if (EventOptions.OF_FIELDS.contains(option)) {
      return format != FormatKind.AVRO;
    }
    return !option.equals(EventOptions.SCHEMA_DIRECTORY) || format == FormatKind.AVRO;
  }

  /**
   * Reads the part about a registry alone.
   *
   * @param settings by the keys of {@link EventOptions}
   * @throws InvalidConfigurationException listing every fault of this part
   */
  public static RegistryEndpoint registry(Map<String, String> settings) {
    Faults faults = new Faults(Configuration.fromMap(settings));
    faults.startPart();
    RegistryEndpoint endpoint = registry(faults);
    faults.throwIfAny();
    return endpoint;
  }

  private static RegistryEndpoint registry(Faults faults) {
    List<String> urls = faults.required(EventOptions.REGISTRY_URLS);
    String user = faults.optional(EventOptions.REGISTRY_USER);
    String password = faults.optional(EventOptions.REGISTRY_PASSWORD);
    String token = faults.optional(EventOptions.REGISTRY_TOKEN);
    KeyFile trust =
        keyFile(
            faults, EventOptions.REGISTRY_TRUST_STORE, EventOptions.REGISTRY_TRUST_STORE_PASSWORD);
    KeyFile identity =
        keyFile(faults, EventOptions.REGISTRY_KEY_STORE, EventOptions.REGISTRY_KEY_STORE_PASSWORD);
    Duration timeout = faults.required(EventOptions.REGISTRY_TIMEOUT);
    return faults.build(
        () ->
            new RegistryEndpoint(
                new ArrayList<>(urls.stream().map(EventsConfig::url).toList()),
                user,
                password,
                token,
                trust,
                identity,
                timeout));
  }

  private static URI url(String text) {
    try {
      return new URI(text);
    } catch (URISyntaxException e) {
      // neither the cause nor what was given: there may be credentials in it
      throw new IllegalArgumentException(
          EventOptions.REGISTRY_URLS.key() + " must be a URL: " + e.getReason());
    }
  }

  private static KeyFile keyFile(
      Faults faults, ConfigOption<String> file, ConfigOption<String> password) {
    String path = faults.optional(file);
    String secret = faults.optional(password);
    if (path == null && secret != null) {
      faults.add(password, "is a password of " + file.key() + ", which is not given");
    }
    return path == null ? null : new KeyFile(path, secret);
  }

  private static FieldPath path(Faults faults, ConfigOption<String> option) {
    String dotted = faults.required(option);
    if (dotted == null) {
      return null;
    }
    try {
      return FieldPath.of(dotted);
    } catch (IllegalArgumentException e) {
      faults.add(option, "cannot be read: " + e.getMessage());
      return null;
    }
  }
}
