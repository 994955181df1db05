package io.murmuration.event;

import io.murmuration.event.avro.Interaction;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;
import org.apache.avro.SchemaParseException;

/**
 * The schemas that interactions may be written with: the current one, every former one of this
 * project, and those that a deployment adds because its producers are ahead of it.
 */
public final class WriterSchemas {

  private static final List<String> FORMER = List.of("schemas/interaction-1.avsc");

  private WriterSchemas() {}

  /** The current schema, then the former ones. */
  public static List<Schema> builtIn() {
    List<Schema> schemas = new ArrayList<>();
    schemas.add(Interaction.getClassSchema());
    for (String resource : FORMER) {
      try (InputStream in = WriterSchemas.class.getResourceAsStream(resource)) {
        schemas.add(new Schema.Parser().parse(in));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return List.copyOf(schemas);
  }

  /**
   * The built-in schemas and every {@code *.avsc} of a directory, in order of their names.
   *
   * @throws IllegalArgumentException when one is no schema, or interactions written with it could
   *     not be read
   */
  public static List<Schema> withDirectory(Path directory) throws IOException {
    List<Path> files;
    try (Stream<Path> listed = Files.list(directory)) {
      files = listed.filter(file -> file.toString().endsWith(".avsc")).sorted().toList();
    }
    List<Schema> schemas = new ArrayList<>(builtIn());
    for (Path file : files) {
      schemas.add(parse(file));
    }
    return List.copyOf(schemas);
  }

  private static Schema parse(Path file) throws IOException {
    try {
      return requireReadable(new Schema.Parser().parse(Files.readString(file)), file.toString());
    } catch (SchemaParseException e) {
      throw new IllegalArgumentException(file + " is not an Avro schema: " + e.getMessage(), e);
    }
  }

  static Schema requireReadable(Schema writer, String name) {
    var compatibility =
        SchemaCompatibility.checkReaderWriterCompatibility(Interaction.getClassSchema(), writer);
    if (compatibility.getType() != SchemaCompatibilityType.COMPATIBLE) {
      throw new IllegalArgumentException(
          "interactions written with %s cannot be read: %s"
              .formatted(name, compatibility.getDescription()));
    }
    return writer;
  }
}
