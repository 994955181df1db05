package io.murmuration.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;

/** JSON lines with a {@code text}, plain or .gz. */
final class TextFile {

  private TextFile() {}

  /**
   * The texts of a file's first lines.
   *
   * @param limit most texts to read
   * @throws IllegalArgumentException naming the first line without a text
   */
  static List<String> read(Path file, long limit) throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    List<String> texts = new ArrayList<>();
    try (BufferedReader lines = reader(file)) {
      int number = 0;
      for (String line = lines.readLine();
          line != null && texts.size() < limit;
          line = lines.readLine()) {
        number++;
        if (line.isBlank()) {
          continue;
        }
        JsonNode text = mapper.readTree(line).path("text");
        if (!text.isTextual()) {
          throw new IllegalArgumentException(
              file + ": line " + number + ": expected a JSON object with a \"text\"");
        }
        texts.add(text.asText());
      }
    }
    return texts;
  }

  private static BufferedReader reader(Path file) throws IOException {
    InputStream bytes = new BufferedInputStream(Files.newInputStream(file));
    InputStream plain =
        file.getFileName().toString().endsWith(".gz") ? new GZIPInputStream(bytes) : bytes;
    return new BufferedReader(new InputStreamReader(plain, StandardCharsets.UTF_8));
  }
}
