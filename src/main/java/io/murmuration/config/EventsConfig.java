package io.murmuration.config;

import io.murmuration.config.EventOptions.FormatKind;
import io.murmuration.event.FieldPath;
import io.murmuration.event.FieldPaths;
import io.murmuration.event.TimeFormat;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;

/**
 * How the records of the interactions topic are written.
 *
 * @param format form of the values
 * @param schemaDirectory further writer schemas for AVRO, or null
 * @param paths where the parts of an event stand in JSON
 * @param timeFormat how times are written; null where it is not given
 */
public record EventsConfig(
    FormatKind format, String schemaDirectory, FieldPaths paths, TimeFormat timeFormat) {

  static EventsConfig read(Faults faults) {
    faults.startPart();
    FormatKind format = faults.required(EventOptions.FORMAT);
    String schemaDirectory = faults.optional(EventOptions.SCHEMA_DIRECTORY);
    if (format == FormatKind.AVRO) {
      refuse(faults, EventOptions.OF_FIELDS, format);
    } else if (format != null) {
      refuse(faults, List.of(EventOptions.SCHEMA_DIRECTORY), format);
    }
    FieldPath userId = path(faults, EventOptions.USER_ID_FIELD);
    FieldPath eventTime = path(faults, EventOptions.EVENT_TIME_FIELD);
    FieldPath text = path(faults, EventOptions.TEXT_FIELD);
    FieldPath prompt = path(faults, EventOptions.PROMPT_FIELD);
    FieldPath eventId = path(faults, EventOptions.EVENT_ID_FIELD);
    FieldPath erase = path(faults, EventOptions.ERASE_FIELD);
    TimeFormat timeFormat = faults.optional(EventOptions.TIME_FORMAT);
    return faults.build(
        () ->
            new EventsConfig(
                format,
                schemaDirectory,
                new FieldPaths(userId, eventTime, text, prompt, eventId, erase),
                timeFormat));
  }

  private static void refuse(
      Faults faults, List<? extends ConfigOption<?>> options, FormatKind format) {
    for (ConfigOption<?> option : options) {
      if (faults.isGiven(option)) {
        faults.add(
            option,
            "must not be given where %s is %s, which has no use for it"
                .formatted(EventOptions.FORMAT.key(), format));
      }
    }
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
