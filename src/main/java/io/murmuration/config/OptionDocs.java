package io.murmuration.config;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.description.TextElement;

/** Lists every option, for the documentation and for finding misspelt keys. */
public final class OptionDocs {

  private static final List<Class<?>> CONCERNS =
      List.of(
          PrivacyOptions.class,
          HorizonOptions.class,
          CalibrationOptions.class,
          ContributionOptions.class,
          EventOptions.class,
          TrainingOptions.class,
          PlacementOptions.class,
          IoOptions.class);

  private OptionDocs() {}

  /** All options in the order in which they are declared. */
  public static List<ConfigOption<?>> all() {
    List<ConfigOption<?>> options = new ArrayList<>();
    for (Class<?> concern : CONCERNS) {
      for (Field field : concern.getDeclaredFields()) {
        if (Modifier.isStatic(field.getModifiers()) && field.getType() == ConfigOption.class) {
          try {
            options.add((ConfigOption<?>) field.get(null));
          } catch (IllegalAccessException e) {
            throw new IllegalStateException("Option " + field + " must be public", e);
          }
        }
      }
    }
    return options;
  }

  /** The table of all options in Markdown. */
  public static String markdownTable() {
    StringBuilder table =
        new StringBuilder("| option | default | meaning |\n| --- | --- | --- |\n");
    for (ConfigOption<?> option : all()) {
      table
          .append("| `")
          .append(option.key())
          .append("` | ")
          .append(option.hasDefaultValue() ? "`" + defaultText(option) + "`" : "")
          .append(" | ")
          .append(plainDescription(option))
          .append(" |\n");
    }
    return table.toString();
  }

  static String plainDescription(ConfigOption<?> option) {
    StringBuilder text = new StringBuilder();
    for (Object block : option.description().getBlocks()) {
      text.append(((TextElement) block).getFormat().replace("%%", "%"));
    }
    return text.toString();
  }

  /** A default as it would be written in a file. */
  static String defaultText(ConfigOption<?> option) {
    Object value = option.defaultValue();
    if (value instanceof List<?> list) {
      return String.join(";", list.stream().map(String::valueOf).toList());
    }
    if (value instanceof java.time.Duration duration) {
      return duration.toString().substring(2).toLowerCase(java.util.Locale.ROOT);
    }
    return String.valueOf(value);
  }
}
