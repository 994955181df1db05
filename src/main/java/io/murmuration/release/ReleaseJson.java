package io.murmuration.release;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.type.LogicalType;
import io.murmuration.privacy.mechanism.JsonFields;
import io.murmuration.privacy.mechanism.MechanismJson;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.io.IOException;

/**
 * JSON of what is released, read strictly: no field too many, twice or of another type, nothing
 * behind the object, and no number where a text is due. A mechanism has the form that it has in the
 * ledger.
 */
final class ReleaseJson {

  private static final JsonMapper STRICT =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .withCoercionConfig(
              LogicalType.Textual,
              text ->
                  text.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                      .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                      .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
          .addModule(
              new SimpleModule()
                  .addSerializer(RoundMechanism.class, new MechanismSerializer())
                  .addDeserializer(RoundMechanism.class, new MechanismDeserializer()))
          .build();

  private ReleaseJson() {}

  /** A value as an object. */
  static ObjectNode tree(Object value) {
    return STRICT.valueToTree(value);
  }

  /**
   * The object in a file.
   *
   * @throws IOException if it holds none
   */
  static ObjectNode object(byte[] json) throws IOException {
    try {
      if (STRICT.reader(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).readTree(json)
          instanceof ObjectNode object) {
        return object;
      }
    } catch (JacksonException e) {
      throw refused(e);
    }
    throw new IOException("it must be a JSON object");
  }

  /**
   * A record of which every field is required.
   *
   * @throws IOException naming the field that is missing, too many or of another type
   */
  static <T> T complete(JsonNode object, Class<T> type) throws IOException {
    try {
      return STRICT
          .readerFor(type)
          .with(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .with(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .readValue(object);
    } catch (JacksonException e) {
      throw refused(e);
    }
  }

  /**
   * A record whose required fields say so.
   *
   * @throws IOException naming the field that is missing, too many or of another type
   */
  static <T> T partial(JsonNode object, Class<T> type) throws IOException {
    try {
      return STRICT.readerFor(type).readValue(object);
    } catch (JacksonException e) {
      throw refused(e);
    }
  }

  /**
   * Takes a text out of an object.
   *
   * @throws IOException if it is missing or of another type
   */
  static String takeText(ObjectNode object, String field) throws IOException {
    JsonNode value = take(object, field);
    if (!value.isTextual()) {
      throw new IOException("%s must be a text but is %s".formatted(field, value));
    }
    return value.textValue();
  }

  /**
   * Takes a field out of an object.
   *
   * @throws IOException if it is missing
   */
  static JsonNode take(ObjectNode object, String field) throws IOException {
    JsonNode value = object.remove(field);
    if (value == null || value.isNull()) {
      throw new IOException("%s is required but is missing".formatted(field));
    }
    return value;
  }

  /** The message without Jackson's description of where it was. */
  private static IOException refused(JacksonException cause) {
    return new IOException(cause.getOriginalMessage(), cause);
  }

  private static final class MechanismSerializer extends JsonSerializer<RoundMechanism> {
    @Override
    public void serialize(
        RoundMechanism mechanism, JsonGenerator out, SerializerProvider serializers)
        throws IOException {
      ObjectNode node = STRICT.createObjectNode();
      MechanismJson.write(mechanism, node);
      out.writeTree(node);
    }
  }

  private static final class MechanismDeserializer extends JsonDeserializer<RoundMechanism> {
    @Override
    public RoundMechanism deserialize(JsonParser in, DeserializationContext context)
        throws IOException {
      JsonNode node = context.readTree(in);
      try {
        return MechanismJson.read(new JsonFields(node));
      } catch (IllegalArgumentException e) {
        return context.reportInputMismatch(this, "the mechanism: %s", e.getMessage());
      }
    }
  }
}
