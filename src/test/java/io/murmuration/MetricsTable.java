package io.murmuration;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The table of {@code docs/metrics.md}. */
public final class MetricsTable {

  /**
   * A metric.
   *
   * @param operator that reports it
   * @param name with its groups, dotted
   * @param isPrivate what the table says of that
   */
  public record Row(String operator, String name, String isPrivate) {}

  private MetricsTable() {}

  /** Its rows, in order. */
  public static List<Row> read() throws IOException {
    return Files.readAllLines(Path.of("docs/metrics.md")).stream()
        .filter(line -> line.matches("\\| [^|]+ \\| `.*"))
        .map(line -> line.split("\\|"))
        .map(
            cells -> new Row(cells[1].strip(), cells[2].strip().replace("`", ""), cells[6].strip()))
        .toList();
  }
}
