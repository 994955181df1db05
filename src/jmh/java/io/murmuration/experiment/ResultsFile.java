package io.murmuration.experiment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.Consumer;

/**
 * JSON lines of finished runs, so that an interrupted experiment continues: a run whose key is
 * there is not repeated.
 */
final class ResultsFile {

  private final ObjectMapper json = new ObjectMapper();
  private final Path file;

  ResultsFile(Path file) {
    this.file = file;
  }

  /** An empty key or row. */
  ObjectNode newKey() {
    return json.createObjectNode();
  }

  /**
   * A finished line whose fields contain the key's, or a new one.
   *
   * @param run adds what came of it to the key
   */
  JsonNode once(ObjectNode asked, Consumer<ObjectNode> run) throws IOException {
    // as it is read back: a long that fits becomes an int there
    ObjectNode key = (ObjectNode) json.readTree(json.writeValueAsString(asked));
    if (Files.exists(file)) {
      for (String line : Files.readAllLines(file)) {
        JsonNode row = json.readTree(line);
        if (key.properties().stream().allMatch(f -> f.getValue().equals(row.get(f.getKey())))) {
          return row;
        }
      }
    }
    ObjectNode row = key.deepCopy();
    run.accept(row);
    Files.createDirectories(file.toAbsolutePath().getParent());
    Files.writeString(
        file,
        json.writeValueAsString(row) + "\n",
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
    return json.readTree(json.writeValueAsString(row));
  }
}
