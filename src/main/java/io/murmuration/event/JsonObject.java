package io.murmuration.event;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A JSON object, read strictly: a second value or anything else behind it, or a key twice, is no
 * object. Missing fields and those that are null are the same.
 *
 * @param node what was parsed
 */
public record JsonObject(ObjectNode node) {

  private static final ObjectReader JSON =
      JsonMapper.builder(
              JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .build()
          .readerFor(JsonNode.class);

  /**
   * Parses text that must be exactly one object.
   *
   * @throws IllegalArgumentException saying what it is instead
   */
  public static JsonObject parse(String text) {
    try {
      JsonNode value = JSON.readTree(text);
      if (value instanceof ObjectNode object) {
        return new JsonObject(object);
      }
      throw new IllegalArgumentException("a JSON object is required, found " + kind(value));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not one JSON object: " + e.getOriginalMessage(), e);
    }
  }

  /**
   * A string that must be there.
   *
   * @throws IllegalArgumentException if it is not, or holds half of a surrogate pair
   */
  public String requiredText(FieldPath field) {
    String text = text(field);
    if (text == null) {
      throw new IllegalArgumentException("a string %s is required".formatted(field));
    }
    return text;
  }

  /**
   * A string, or null if there is none.
   *
   * @throws IllegalArgumentException if it is something else, or holds half of a surrogate pair
   */
  public String text(FieldPath field) {
    JsonNode value = at(field);
    if (isNothing(value)) {
      return null;
    }
    if (!value.isTextual()) {
      throw new IllegalArgumentException(
          "%s must be a string, found %s".formatted(field, kind(value)));
    }
    return WellFormed.require(value.textValue(), field.toString());
  }

  /**
   * A string, or a whole number as one, or null if there is none.
   *
   * @throws IllegalArgumentException if it is something else
   */
  public String id(FieldPath field) {
    JsonNode value = at(field);
    return value.isIntegralNumber() ? value.asText() : text(field);
  }

  /**
   * A time that must be there, in milliseconds since 1970.
   *
   * @throws IllegalArgumentException if it is not, or is not written in that format
   */
  public long millis(FieldPath field, TimeFormat format) {
    JsonNode value = at(field);
    if (format == TimeFormat.ISO ? !value.isTextual() : !value.isNumber()) {
      throw new IllegalArgumentException(
          "%s must be %s, found %s".formatted(field, format.words(), kind(value)));
    }
    try {
      return format == TimeFormat.ISO
          ? TimeFormat.isoMillis(value.textValue())
          : format.millis(value.decimalValue());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(field + " " + e.getMessage(), e);
    }
  }

  /**
   * Whether a field is true; false if there is none.
   *
   * @throws IllegalArgumentException if it is something else
   */
  public boolean flag(FieldPath field) {
    JsonNode value = at(field);
    if (isNothing(value)) {
      return false;
    }
    if (!value.isBoolean()) {
      throw new IllegalArgumentException(
          "%s must be true or false, found %s".formatted(field, kind(value)));
    }
    return value.booleanValue();
  }

  private JsonNode at(FieldPath field) {
    JsonNode value = node;
    for (String step : field.steps()) {
      if (!value.isObject() && !isNothing(value)) {
        throw new IllegalArgumentException(
            "%s must lie in an object, found %s".formatted(field, kind(value)));
      }
      value = value.path(step);
    }
    return value;
  }

  private static boolean isNothing(JsonNode value) {
    return value.isMissingNode() || value.isNull();
  }

  /** What kind of value something is, in words. */
  private static String kind(JsonNode value) {
    return switch (value.getNodeType()) {
      case ARRAY -> "a list";
      case BOOLEAN -> "true or false";
      case MISSING -> "nothing";
      case NULL -> "null";
      case NUMBER -> "a number";
      case OBJECT -> "an object";
      case STRING -> "a string";
      default -> value.getNodeType().toString();
    };
  }
}
