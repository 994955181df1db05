package io.murmuration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code docs/pitfalls.md} names, for every sharp edge, tests that exist. */
class PitfallsTest {

  private static final int SHARP_EDGES = 20;
  private static final Pattern GUARD = Pattern.compile("`(\\w+)(?:\\.(\\w+))?`");

  private static List<String[]> rows() throws IOException {
    return rows(Files.readAllLines(Path.of("docs/pitfalls.md")).stream());
  }

  /** Every place where a number leaves the trust boundary. */
  private static List<String[]> numbers() throws IOException {
    List<String> page = Files.readAllLines(Path.of("docs/guarantee.md"));
    int header = page.indexOf("| number | computed from | mechanism | test |");
    return rows(page.stream().skip(header + 1L).takeWhile(line -> line.startsWith("|")));
  }

  private static List<String[]> rows(Stream<String> lines) {
    return lines
        .filter(line -> line.startsWith("| ") && !line.startsWith("| ---"))
        .map(line -> line.substring(2, line.length() - 2).split(" \\| "))
        .filter(cells -> !cells[cells.length - 1].equals("guarded by"))
        .toList();
  }

  private static Map<String, String> testSources() throws IOException {
    Map<String, String> sources = new TreeMap<>();
    try (Stream<Path> files = Files.walk(Path.of("src/test/java"))) {
      for (Path file : files.filter(path -> path.toString().endsWith(".java")).toList()) {
        sources.put(file.getFileName().toString().replace(".java", ""), Files.readString(file));
      }
    }
    return sources;
  }

  @Test
  void everySharpEdgeHasASeverityAndAGuard() throws IOException {
    List<String[]> edges = rows().stream().filter(cells -> cells[0].matches("\\d+")).toList();

    assertThat(edges)
        .extracting(cells -> Integer.valueOf(cells[0]))
        .containsExactlyElementsOf(IntStream.rangeClosed(1, SHARP_EDGES).boxed().toList());
    assertThat(edges)
        .allSatisfy(
            cells -> {
              assertThat(cells).hasSize(5);
              assertThat(cells[2]).isIn("fatal", "void", "leak");
            });
    assertThat(Stream.of(rows(), numbers()).flatMap(List::stream))
        .allSatisfy(cells -> assertThat(GUARD.matcher(cells[cells.length - 1]).find()).isTrue());
  }

  @Test
  void everyGuardIsATestThatExists() throws IOException {
    Map<String, String> sources = testSources();
    assertThat(numbers()).hasSizeGreaterThan(8).allSatisfy(cells -> assertThat(cells).hasSize(4));
    List<String> missing = new ArrayList<>();
    List<String[]> guarded = new ArrayList<>(rows());
    guarded.addAll(numbers());
    for (String[] cells : guarded) {
      Matcher guard = GUARD.matcher(cells[cells.length - 1]);
      while (guard.find()) {
        String source = sources.get(guard.group(1));
        boolean exists =
            source != null
                && (guard.group(2) == null
                    ? source.contains("@Test")
                        || source.contains("@Property")
                        || source.contains("Contract")
                    : Pattern.compile("\\b(void|ArchRule) %s\\b".formatted(guard.group(2)))
                        .matcher(source)
                        .find());
        if (!exists) {
          missing.add(guard.group());
        }
      }
    }

    assertThat(missing).isEmpty();
  }
}
