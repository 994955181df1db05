package io.murmuration.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Typed access to {@code config.json}; every error names the file, the key and what it held. */
final class ModelConfig {

  private final Path path;
  private final String prefix;
  private final JsonNode node;

  private ModelConfig(Path path, String prefix, JsonNode node) {
    this.path = path;
    this.prefix = prefix;
    this.node = node;
  }

  static ModelConfig read(Path path) throws IOException {
    try {
      JsonNode node = new ObjectMapper().readTree(path.toFile());
      if (!node.isObject()) {
        throw new ModelFormatException(path + ": expected a JSON object");
      }
      return new ModelConfig(path, "", node);
    } catch (JsonProcessingException e) {
      throw new ModelFormatException(path + ": expected JSON: " + e.getOriginalMessage(), e);
    }
  }

  /** Whether the key is there and not null. */
  boolean present(String key) {
    return node.hasNonNull(key);
  }

  /** A nested object. */
  ModelConfig child(String key) {
    require(node.path(key).isObject(), key, "an object", node.path(key));
    return new ModelConfig(path, prefix + key + ".", node.path(key));
  }

  String text(String key) {
    require(node.path(key).isTextual(), key, "a string", found(key));
    return node.path(key).asText();
  }

  String text(String key, String standard) {
    return present(key) ? text(key) : standard;
  }

  boolean flag(String key, boolean standard) {
    if (!present(key)) {
      return standard;
    }
    require(node.path(key).isBoolean(), key, "true or false", found(key));
    return node.path(key).asBoolean();
  }

  int positive(String key) {
    JsonNode value = node.path(key);
    require(value.canConvertToInt() && value.asInt() > 0, key, "a positive integer", found(key));
    return value.asInt();
  }

  int positive(String key, int standard) {
    return present(key) ? positive(key) : standard;
  }

  int wholeNumber(String key, int standard) {
    if (!present(key)) {
      return standard;
    }
    JsonNode value = node.path(key);
    require(value.canConvertToInt() && value.asInt() >= 0, key, "a whole number", found(key));
    return value.asInt();
  }

  double number(String key) {
    require(node.path(key).isNumber(), key, "a number", found(key));
    return node.path(key).asDouble();
  }

  double number(String key, double standard) {
    return present(key) ? number(key) : standard;
  }

  /** The token id that precedes every text. */
  int beginningOfText() {
    JsonNode value = node.path("bos_token_id");
    require(
        value.canConvertToInt() && value.asInt() >= 0,
        "bos_token_id",
        "a token id",
        found("bos_token_id"));
    return value.asInt();
  }

  /** The token ids that end a generation: none, one, or a list. */
  List<Integer> endOfText() {
    JsonNode value = node.path("eos_token_id");
    List<Integer> ids = new ArrayList<>();
    if (value.isArray()) {
      value.forEach(id -> ids.add(id.asInt()));
    } else if (value.isInt()) {
      ids.add(value.asInt());
    }
    return ids;
  }

  void require(boolean condition, String key, String expected, Object found) {
    if (!condition) {
      throw unsupported(key, expected, found);
    }
  }

  ModelFormatException unsupported(String key, String expected, Object found) {
    return new ModelFormatException(
        String.format("%s: %s%s: expected %s, found %s", path, prefix, key, expected, found));
  }

  private Object found(String key) {
    return node.has(key) ? node.get(key) : "nothing";
  }
}
