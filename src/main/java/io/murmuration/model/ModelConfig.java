package io.murmuration.model;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Typed access to a JSON file of settings; every error names the file, the key, what was expected
 * and what it held.
 *
 * <p>It remembers which keys were asked for, so that what nobody understood can be refused: see
 * {@link #requireNothingElse}.
 */
final class ModelConfig {

  /** A key that stands twice in one object is two sources that may disagree. */
  static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /** Longer values are cut in messages, which should fit a terminal. */
  private static final int LONGEST_SHOWN = 200;

  private final Path path;
  private final String prefix;
  private final JsonNode node;
  private final Set<String> asked;

  private ModelConfig(Path path, String prefix, JsonNode node, Set<String> asked) {
    this.path = path;
    this.prefix = prefix;
    this.node = node;
    this.asked = asked;
  }

  /**
   * Reads a file.
   *
   * @throws ModelFormatException if it is not one JSON object
   */
  static ModelConfig read(Path path) throws IOException {
    return new ModelConfig(path, "", readObject(path), new TreeSet<>());
  }

  /**
   * Reads a file as it is.
   *
   * @throws ModelFormatException if it is not one JSON object
   */
  static ObjectNode readObject(Path path) throws IOException {
    try {
      if (JSON.readTree(path.toFile()) instanceof ObjectNode object) {
        return object;
      }
      throw new ModelFormatException(path + ": expected a JSON object");
    } catch (JsonProcessingException e) {
      throw new ModelFormatException(path + ": expected JSON: " + e.getOriginalMessage());
    }
  }

  /** Whether the key is there and not null. */
  boolean present(String key) {
    return get(key) != null;
  }

  /** Whether the key is there and null: "none", where a missing key is a default. */
  boolean isNull(String key) {
    asked.add(prefix + key);
    return node.path(key).isNull();
  }

  /** The value of a key, or null if there is none. */
  JsonNode get(String key) {
    asked.add(prefix + key);
    return node.hasNonNull(key) ? node.get(key) : null;
  }

  /** A nested object. */
  ModelConfig child(String key) {
    JsonNode value = get(key);
    require(value != null && value.isObject(), key, "an object", found(key));
    return new ModelConfig(path, prefix + key + ".", value, asked);
  }

  /** Whether the key holds an object that is not empty. */
  boolean hasObject(String key) {
    JsonNode value = get(key);
    require(value == null || value.isObject(), key, "an object", found(key));
    return value != null && !value.isEmpty();
  }

  String text(String key) {
    JsonNode value = get(key);
    require(value != null && value.isTextual(), key, "a string", found(key));
    return value.textValue();
  }

  String text(String key, String standard) {
    return present(key) ? text(key) : standard;
  }

  /** Strings; empty if there are none. */
  List<String> texts(String key) {
    JsonNode value = get(key);
    List<String> texts = new ArrayList<>();
    require(value == null || value.isArray(), key, "a list of strings", found(key));
    if (value != null) {
      for (JsonNode each : value) {
        require(each.isTextual(), key, "a list of strings", found(key));
        texts.add(each.textValue());
      }
    }
    return texts;
  }

  /** Positive numbers. */
  List<Double> positiveNumbers(String key) {
    JsonNode value = get(key);
    String expected = "a list of positive numbers";
    require(value != null && value.isArray(), key, expected, found(key));
    List<Double> numbers = new ArrayList<>();
    for (JsonNode each : value) {
      double number = each.isNumber() ? each.doubleValue() : 0;
      require(number > 0 && Double.isFinite(number), key, expected, found(key));
      numbers.add(number);
    }
    return numbers;
  }

  boolean flag(String key, boolean standard) {
    JsonNode value = get(key);
    if (value == null) {
      return standard;
    }
    require(value.isBoolean(), key, "true or false", found(key));
    return value.booleanValue();
  }

  int positive(String key) {
    return atLeast(key, 1, "a positive integer");
  }

  int positive(String key, int standard) {
    return present(key) ? positive(key) : standard;
  }

  int wholeNumber(String key, int standard) {
    return present(key) ? atLeast(key, 0, "a whole number") : standard;
  }

  private int atLeast(String key, int least, String expected) {
    JsonNode value = get(key);
    require(isInt(value) && value.intValue() >= least, key, expected, found(key));
    return value.intValue();
  }

  /** 8.0 is whole, 8.5 is not: Jackson would cut it. */
  private static boolean isInt(JsonNode value) {
    return value != null
        && value.isNumber()
        && value.canConvertToExactIntegral()
        && value.canConvertToInt();
  }

  double number(String key) {
    JsonNode value = get(key);
    require(
        value != null && value.isNumber() && Double.isFinite(value.doubleValue()),
        key,
        "a number",
        found(key));
    return value.doubleValue();
  }

  double number(String key, double standard) {
    return present(key) ? number(key) : standard;
  }

  /** Token ids: none, one, or a list. */
  List<Integer> tokenIds(String key) {
    JsonNode value = get(key);
    List<Integer> ids = new ArrayList<>();
    if (value == null) {
      return ids;
    }
    for (JsonNode each : value.isArray() ? value : List.of(value)) {
      require(isInt(each) && each.intValue() >= 0, key, "a token id or a list of them", found(key));
      ids.add(each.intValue());
    }
    return ids;
  }

  /** Requires that two keys which say the same thing agree where both are there. */
  void requireAgreement(String key, Object one, Object other, String where) {
    require(one.equals(other), key, other + ", as " + where + " says", one);
  }

  /**
   * Refuses every key that is not null, false or empty and is neither understood nor known not to
   * matter: it could change what the model computes.
   */
  void requireNothingElse(ConfigKeys keys, Set<String> understood) {
    for (Map.Entry<String, JsonNode> field : node.properties()) {
      String key = field.getKey();
      if (!isNeutral(field.getValue())
          && !understood.contains(key)
          && keys.whyIrrelevant(key) == null) {
        String why = keys.whyRefused(key);
        throw unsupported(
            key,
            "nothing (%s)"
                .formatted(
                    why == null ? "not understood, and it might change what is computed" : why),
            found(key));
      }
    }
  }

  private static boolean isNeutral(JsonNode value) {
    return value.isNull()
        || (value.isBoolean() && !value.booleanValue())
        || (value.isTextual() && value.textValue().isEmpty())
        || (value.isContainerNode() && value.isEmpty());
  }

  /** All of it. */
  ObjectNode object() {
    return (ObjectNode) node;
  }

  /** Every key that was asked for so far, those of nested objects with theirs before a dot. */
  Set<String> asked() {
    return asked;
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
    String text = node.has(key) ? node.get(key).toString() : "nothing";
    return text.length() <= LONGEST_SHOWN ? text : text.substring(0, LONGEST_SHOWN) + "…";
  }
}
