package io.murmuration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The table of metrics and the code that registers them name the same ones. */
class MetricsDocsTest {

  private static final Path SOURCES = Path.of("src/main/java");

  private static final Pattern REGISTRATION =
      Pattern.compile("\\.(?:gauge|counter|histogram|meter)\\(\\s*(\"(\\w+)\"|([A-Z_]+))");

  @Test
  void everyMetricIsInTheTable_andNoOther() throws IOException {
    Set<String> documented = new TreeSet<>();
    for (MetricsTable.Row row : MetricsTable.read()) {
      documented.add(row.name().substring(row.name().lastIndexOf('.') + 1));
    }

    assertThat(documented).hasSizeGreaterThan(20).isEqualTo(registered());
  }

  @Test
  void privateMetricsAreMarked_andOnlyThey() throws IOException {
    assertThat(MetricsTable.read())
        .allSatisfy(
            row ->
                assertThat(row.name().startsWith("private."))
                    .as(row.name())
                    .isEqualTo(Set.of("yes", "on request").contains(row.isPrivate())));
  }

  private static Set<String> registered() throws IOException {
    Set<String> names = new TreeSet<>();
    List<Path> files;
    try (Stream<Path> walk = Files.walk(SOURCES)) {
      files = walk.filter(path -> path.toString().endsWith(".java")).toList();
    }
    for (Path file : files) {
      String source = Files.readString(file);
      Matcher registration = REGISTRATION.matcher(source);
      while (registration.find()) {
        names.add(
            registration.group(2) != null
                ? registration.group(2)
                : constant(source, registration.group(3), file));
      }
    }
    return names;
  }

  private static String constant(String source, String name, Path file) {
    Matcher value = Pattern.compile(name + " =\\s*\"(\\w+)\"").matcher(source);
    assertThat(value.find()).as("%s in %s", name, file).isTrue();
    return value.group(1);
  }
}
