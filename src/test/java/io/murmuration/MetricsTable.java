package io.murmuration;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** The tables of {@code docs/metrics.md}: what is reported, and what of it is public. */
public final class MetricsTable {

  /** The scope under which Flink shows what operators register. */
  public static final String OPERATOR = "taskmanager.job.task.operator";

  private static final Path PAGE = Path.of("docs/metrics.md");

  /**
   * A metric.
   *
   * @param operator that reports it
   * @param name with its groups, dotted
   * @param isPrivate what the table says of that
   */
  public record Row(String operator, String name, String isPrivate) {

    /**
     * The metric as Flink's filters see it: scope and groups without values, a colon, and the name.
     */
    public String scoped() {
      String withoutValues = name.replace(".REASON.", ".");
      int group = withoutValues.lastIndexOf('.');
      return group < 0
          ? OPERATOR + ':' + name
          : OPERATOR + '.' + withoutValues.substring(0, group) + ':' + name(withoutValues, group);
    }

    private static String name(String dotted, int group) {
      return dotted.substring(group + 1);
    }
  }

  private MetricsTable() {}

  /** The rows of the job's own metrics, in order. */
  public static List<Row> read() throws IOException {
    return Files.readAllLines(PAGE).stream()
        .filter(line -> line.matches("\\| [^|]+ \\| `.*"))
        .map(line -> line.split("\\|"))
        .filter(cells -> cells.length > 6)
        .map(
            cells -> new Row(cells[1].strip(), cells[2].strip().replace("`", ""), cells[6].strip()))
        .toList();
  }

  /** All that may be seen outside the trust boundary, {@code scope:name}. */
  public static Set<String> published() throws IOException {
    Set<String> names = new TreeSet<>();
    read().stream()
        .filter(row -> row.isPrivate().equals("no"))
        .map(Row::scoped)
        .forEach(names::add);
    Files.readAllLines(PAGE).stream()
        .filter(line -> line.matches("\\| `[a-z.]+` \\| `.*"))
        .map(line -> line.replaceAll("[` ]", "").split("\\|"))
        .forEach(
            cells ->
                Arrays.stream(cells[2].split(","))
                    .forEach(name -> names.add(cells[1] + ':' + name)));
    return names;
  }
}
