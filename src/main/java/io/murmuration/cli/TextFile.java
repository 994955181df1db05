package io.murmuration.cli;

import io.murmuration.event.JsonLines;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** JSON lines with a {@code text}, plain or gzip. */
final class TextFile {

  private TextFile() {}

  /**
   * The texts of a file's first lines.
   *
   * @param limit most texts to read
   * @throws IllegalArgumentException naming file and line of the first without a text
   */
  static List<String> read(Path file, long limit) throws IOException {
    return read(
        file,
        limit,
        fault -> {
          throw new IllegalArgumentException(fault);
        });
  }

  /**
   * The same, with another answer to lines without a text.
   *
   * @param faults is told line, file and reason
   */
  static List<String> read(Path file, long limit, Consumer<String> faults) throws IOException {
    List<String> texts = new ArrayList<>();
    try (JsonLines lines = JsonLines.open(file)) {
      for (Optional<JsonLines.Line> next = lines.next();
          next.isPresent() && texts.size() < limit;
          next = lines.next()) {
        JsonLines.Line line = next.get();
        if (line instanceof JsonLines.Fault fault) {
          faults.accept(fault.in(file));
        } else if (line instanceof JsonLines.Value value) {
          try {
            texts.add(value.requiredText("text"));
          } catch (IllegalArgumentException e) {
            faults.accept(new JsonLines.Fault(line.number(), e.getMessage()).in(file));
          }
        }
      }
    }
    return texts;
  }
}
