package io.murmuration.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.StringJoiner;

/** Reads settings from a YAML file; nested and dotted keys mean the same. */
public final class ConfigFile {

  private ConfigFile() {}

  /**
   * The file's settings by their dotted keys. Lists become semicolon-separated values.
   *
   * @throws IllegalArgumentException if the file is missing or is not a YAML mapping
   */
  public static Map<String, String> read(Path file) {
    try {
      JsonNode root = new YAMLMapper().readTree(Files.readString(file));
      Map<String, String> settings = new LinkedHashMap<>();
      if (root == null || root.isMissingNode() || root.isNull()) {
        return settings;
      }
      if (!root.isObject()) {
        throw new IllegalArgumentException(
            file + " must be a YAML mapping of options but holds a " + root.getNodeType());
      }
      flatten("", root, settings);
      return settings;
    } catch (NoSuchFileException e) {
      throw new IllegalArgumentException("There is no configuration file " + file, e);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(file + " is not YAML: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new UncheckedIOException("The configuration file " + file + " cannot be read", e);
    }
  }

  private static void flatten(String prefix, JsonNode node, Map<String, String> settings) {
    node.properties()
        .forEach(
            field -> {
              String key = prefix.isEmpty() ? field.getKey() : prefix + "." + field.getKey();
              JsonNode value = field.getValue();
              if (value.isObject()) {
                flatten(key, value, settings);
              } else if (value.isArray()) {
                StringJoiner list = new StringJoiner(";");
                value.forEach(item -> list.add(item.asText()));
                settings.put(key, list.toString());
              } else if (!value.isNull()) {
                settings.put(key, value.asText());
              }
            });
  }
}
