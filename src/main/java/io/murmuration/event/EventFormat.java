package io.murmuration.event;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.apache.avro.Schema;

/**
 * How the values of records are written. Travels to the task managers, where each subtask opens its
 * own decoder.
 */
public sealed interface EventFormat extends Serializable {

  /** Opens a decoder, for one thread. */
  ValueDecoder open();

  /** Avro single-object encoding with schemas that are known in advance. */
  static EventFormat avro(List<Schema> writerSchemas) {
    return new SingleObject(new ArrayList<>(writerSchemas.stream().map(Schema::toString).toList()));
  }

  /** JSON objects. */
  static EventFormat json(FieldPaths paths, TimeFormat timeFormat) {
    return new Json(paths, timeFormat);
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
}
