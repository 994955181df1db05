package io.murmuration.event;

import io.murmuration.registry.RegisteredSchemas;
import io.murmuration.registry.RegistryClient;
import io.murmuration.registry.RegistryEndpoint;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.apache.avro.Schema;

/**
 * How the values of records are written. Travels to the task managers, where each subtask opens its
 * own decoder.
 */
public sealed interface EventFormat extends Serializable {

  /**
   * Opens a decoder, for one thread.
   *
   * @throws IOException if a file that it needs cannot be read
   */
  ValueDecoder open() throws IOException;

  /**
   * Opens a gate for records that this format cannot decode without asking somebody, if it has any.
   *
   * @throws IOException if a file that it needs cannot be read
   */
  default Optional<RecordGate> openGate() throws IOException {
    return Optional.empty();
  }

  /** Avro single-object encoding with schemas that are known in advance. */
  static EventFormat avro(List<Schema> writerSchemas) {
    return new SingleObject(new ArrayList<>(writerSchemas.stream().map(Schema::toString).toList()));
  }

  /** JSON objects. */
  static EventFormat json(FieldPaths paths, TimeFormat timeFormat) {
    return new Json(paths, timeFormat);
  }

  /**
   * Avro in Confluent's wire format.
   *
   * @param timeFormat unit of times that a schema gives no logical type; null if there are none
   */
  static EventFormat registry(RegistryEndpoint endpoint, FieldPaths paths, TimeFormat timeFormat) {
    return new Registry(endpoint, paths, timeFormat);
  }

  /**
   * See {@link #avro}.
   *
   * @param writerSchemas as text, for Java serialization
   */
  record SingleObject(ArrayList<String> writerSchemas) implements EventFormat {
    @Override
    public ValueDecoder open() {
      return new InteractionCodec(
          writerSchemas.stream().map(schema -> new Schema.Parser().parse(schema)).toList());
    }
  }

  /** See {@link #json}. */
  record Json(FieldPaths paths, TimeFormat timeFormat) implements EventFormat {
    public Json {
      Objects.requireNonNull(paths, "paths");
      Objects.requireNonNull(timeFormat, "timeFormat");
    }

    @Override
    public ValueDecoder open() {
      return new JsonDecoder(paths, timeFormat);
    }
  }

  /** See {@link #registry}. */
  record Registry(RegistryEndpoint endpoint, FieldPaths paths, TimeFormat timeFormat)
      implements EventFormat {
    public Registry {
      Objects.requireNonNull(endpoint, "endpoint");
      Objects.requireNonNull(paths, "paths");
    }

    @Override
    public ValueDecoder open() throws IOException {
      return new RegistryDecoder(
          new RegisteredSchemas(new RegistryClient(endpoint)), paths, timeFormat);
    }

    @Override
    public Optional<RecordGate> openGate() throws IOException {
      return Optional.of(new RegistryGate(new RegisteredSchemas(new RegistryClient(endpoint))));
    }
  }
}
