package io.murmuration.privacy.mechanism;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/** Strict reader of one JSON object: each field is required, of its type, and the only ones. */
public final class JsonFields {

  private final JsonNode object;
  private final Set<String> unread = new LinkedHashSet<>();

  /**
   * Reads the fields of an object; anything else is refused with an IllegalArgumentException, as
   * all else here.
   */
  public JsonFields(JsonNode object) {
    if (!object.isObject()) {
      throw new IllegalArgumentException("it is not a JSON object");
    }
    this.object = object;
    object.fieldNames().forEachRemaining(unread::add);
  }

  /** A required text. */
  public String text(String name) {
    JsonNode value = take(name);
    if (!value.isTextual()) {
      throw wrong(name, "text", value);
    }
    return value.textValue();
  }

  /** All fields, each of which must be a text. */
  public SortedMap<String, String> texts() {
    SortedMap<String, String> texts = new TreeMap<>();
    for (String name : List.copyOf(unread)) {
      texts.put(name, text(name));
    }
    return texts;
  }

  /** A required 64-bit integer. */
  public long integer(String name) {
    JsonNode value = take(name);
    if (!value.isIntegralNumber() || !value.canConvertToLong()) {
      throw wrong(name, "an integer", value);
    }
    return value.longValue();
  }

  /** A required 32-bit integer. */
  public int smallInteger(String name) {
    JsonNode value = take(name);
    if (!value.isIntegralNumber() || !value.canConvertToInt()) {
      throw wrong(name, "a 32-bit integer", value);
    }
    return value.intValue();
  }

  /** A required number. */
  public double real(String name) {
    JsonNode value = take(name);
    if (!value.isNumber()) {
      throw wrong(name, "a number", value);
    }
    return value.doubleValue();
  }

  /** A required truth value. */
  public boolean flag(String name) {
    JsonNode value = take(name);
    if (!value.isBoolean()) {
      throw wrong(name, "true or false", value);
    }
    return value.booleanValue();
  }

  /** Whether there is such a field. */
  public boolean has(String name) {
    return object.has(name);
  }

  /** A required list of numbers. */
  public List<Double> reals(String name) {
    List<Double> values = new ArrayList<>();
    for (JsonNode value : array(name)) {
      if (!value.isNumber()) {
        throw wrong(name, "an array of numbers", value);
      }
      values.add(value.doubleValue());
    }
    return values;
  }

  /** A required list of 32-bit integers. */
  public List<Integer> smallIntegers(String name) {
    List<Integer> values = new ArrayList<>();
    for (JsonNode value : array(name)) {
      if (!value.isIntegralNumber() || !value.canConvertToInt()) {
        throw wrong(name, "an array of 32-bit integers", value);
      }
      values.add(value.intValue());
    }
    return values;
  }

  /** A required list of objects. */
  public List<JsonFields> objects(String name) {
    List<JsonFields> values = new ArrayList<>();
    for (JsonNode value : array(name)) {
      if (!value.isObject()) {
        throw wrong(name, "an array of objects", value);
      }
      values.add(new JsonFields(value));
    }
    return values;
  }

  private JsonNode array(String name) {
    JsonNode value = take(name);
    if (!value.isArray()) {
      throw wrong(name, "an array", value);
    }
    return value;
  }

  /** A required object. */
  public JsonFields object(String name) {
    return new JsonFields(take(name));
  }

  /** Refuses fields that nobody asked for. */
  public void requireNoOthers() {
    if (!unread.isEmpty()) {
      throw new IllegalArgumentException("it has fields that do not belong there: " + unread);
    }
  }

  private JsonNode take(String name) {
    JsonNode value = object.get(name);
    if (value == null) {
      throw new IllegalArgumentException("field '" + name + "' is missing");
    }
    unread.remove(name);
    return value;
  }

  private static IllegalArgumentException wrong(String name, String wanted, JsonNode value) {
    return new IllegalArgumentException(
        "field '%s' must be %s but is %s".formatted(name, wanted, value));
  }
}
