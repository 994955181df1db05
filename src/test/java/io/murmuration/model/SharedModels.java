package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Assumptions;

/** The shared models and their reference values; tests that need them are skipped without. */
public final class SharedModels {

  private SharedModels() {}

  /** A file or directory below the shared directory. */
  public static Path path(String relative) {
    String root = System.getProperty("murmuration.shared");
    Assumptions.assumeTrue(root != null, "system property murmuration.shared is not set");
    Path path = Path.of(root).resolve(relative);
    Assumptions.assumeTrue(Files.exists(path), () -> path + " is not there");
    return path;
  }

  /** A loaded model. */
  public static LanguageModel load(String name) throws IOException {
    return LanguageModel.load(path("models/" + name));
  }

  /** A parsed file of reference values. */
  public static JsonNode reference(String name) throws IOException {
    JsonNode tree = new ObjectMapper().readTree(path("reference/" + name).toFile());
    assertThat(tree.isEmpty()).isFalse();
    return tree;
  }

  /** A JSON array of integers. */
  public static long[] longs(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).mapToLong(JsonNode::asLong).toArray();
  }
}
