package io.murmuration.event;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.event.avro.Interaction;
import io.murmuration.registry.WireFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.avro.Schema;

/** Writes events as the values of records, in one of the formats that {@link EventFormat} reads. */
@FunctionalInterface
public interface EventEncoder {

  /** The value; strings must be well-formed. */
  byte[] encode(Interaction interaction);

  /** Avro single-object encoding. */
  static EventEncoder avro() {
    return interaction -> {
      try {
        ByteBuffer encoded = interaction.toByteBuffer();
        byte[] bytes = new byte[encoded.remaining()];
        encoded.get(bytes);
        return bytes;
      } catch (IOException e) {
        throw new UncheckedIOException("cannot encode an interaction", e);
      }
    };
  }

  /**
   * Confluent's wire format.
   *
   * @param schemaId of {@link #schema} in the registry
   */
  static EventEncoder registry(int schemaId) {
    EventEncoder avro = avro();
    // the bodies are the same
    return interaction ->
        WireFormat.encode(schemaId, avro.encode(interaction), InteractionCodec.HEADER_BYTES);
  }

  /** What {@link #registry} writes with, without hints for Java. */
  static Schema schema() {
    return InteractionCodec.READER;
  }

  /** JSON with the names of {@link FieldPaths#DEFAULTS} and times in ISO 8601. */
  static EventEncoder json() {
    return interaction -> {
      ObjectNode object =
          JsonNodeFactory.instance
              .objectNode()
              .put("event_id", interaction.getEventId())
              .put("user_id", interaction.getUserId())
              .put("event_time", interaction.getEventTime().toString());
      if (interaction.getErase()) {
        object.put("erase", true);
      } else {
        object.put("text", interaction.getText());
        if (interaction.getPrompt() != null) {
          object.put("prompt", interaction.getPrompt());
        }
      }
      return object.toString().getBytes(StandardCharsets.UTF_8);
    };
  }
}
