package io.murmuration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.cli.Murmuration;
import io.murmuration.demo.SyntheticStream;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PldAccountant;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** The documents against what they speak of: links, tests, commands, and the README's numbers. */
class DocumentsTest {

  private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
  private static final Pattern TEST =
      Pattern.compile("`(\\w+(?:Test|ITCase|Contract))(?:\\.(\\w+))?`");
  private static final Pattern COMMAND =
      Pattern.compile("(?m)^ *(?:\\$ )?(?:scripts/)?murmuration ((?:.*\\\\\\n)*.*)$");
  private static final Pattern ARGUMENT = Pattern.compile("\"([^\"]*)\"|(\\S+)");

  static List<Path> documents() throws IOException {
    try (Stream<Path> docs = Files.list(Path.of("docs"))) {
      return Stream.concat(
              Stream.of(Path.of("README.md"), Path.of("CONTRIBUTING.md")),
              docs.filter(path -> path.toString().endsWith(".md")))
          .sorted()
          .toList();
    }
  }

  @ParameterizedTest
  @MethodSource("documents")
  void everyLinkLeadsSomewhere(Path document) throws IOException {
    List<String> broken = new ArrayList<>();
    Matcher link = LINK.matcher(Files.readString(document));
    while (link.find()) {
      String[] target = link.group(1).split("#", 2);
      if (target[0].contains(":")) {
        continue; // of another site
      }
      Path file = target[0].isEmpty() ? document : document.resolveSibling(target[0]).normalize();
      if (!Files.exists(file) || (target.length == 2 && !anchors(file).contains(target[1]))) {
        broken.add(link.group(1));
      }
    }
    assertThat(broken).isEmpty();
  }

  /**
   * The anchors that are made of headings: in lower case, with hyphens for blanks, and nothing else
   * but letters and digits.
   */
  private static Set<String> anchors(Path file) throws IOException {
    return Files.readAllLines(file).stream()
        .filter(line -> line.startsWith("#"))
        .map(line -> line.replaceFirst("^#+ ", "").toLowerCase(Locale.ROOT))
        .map(heading -> heading.replaceAll("[^\\p{L}\\p{N}_ -]", "").replace(' ', '-'))
        .collect(Collectors.toSet());
  }

  @ParameterizedTest
  @MethodSource("documents")
  void everyTestThatIsNamedExists(Path document) throws IOException {
    List<String> missing = new ArrayList<>();
    Matcher named = TEST.matcher(Files.readString(document));
    while (named.find()) {
      if (!exists(named.group(1), named.group(2))) {
        missing.add(named.group());
      }
    }
    assertThat(missing).isEmpty();
  }

  private static boolean exists(String test, String method) throws IOException {
    try (Stream<Path> files = Files.walk(Path.of("src/test/java"))) {
      for (Path file : files.filter(path -> path.endsWith(test + ".java")).toList()) {
        if (method == null
            || Pattern.compile("\\b(void|ArchRule) " + method + "\\b")
                .matcher(Files.readString(file))
                .find()) {
          return true;
        }
      }
      return false;
    }
  }

  @ParameterizedTest
  @MethodSource("documents")
  void everyCommandIsUnderstood(Path document) throws IOException {
    List<String> faults = new ArrayList<>();
    for (List<String> arguments : commands(document)) {
      try {
        Murmuration.commandLine().parseArgs(arguments.toArray(String[]::new));
      } catch (ParameterException e) {
        faults.add(arguments + ": " + e.getMessage());
      }
    }
    assertThat(faults).isEmpty();
  }

  @Test
  void manyCommandsAreFound() throws IOException {
    List<List<String>> all = new ArrayList<>();
    for (Path document : documents()) {
      all.addAll(commands(document));
    }
    assertThat(all).hasSizeGreaterThan(30);
  }

  private static List<List<String>> commands(Path document) throws IOException {
    List<List<String>> commands = new ArrayList<>();
    Matcher command = COMMAND.matcher(Files.readString(document));
    while (command.find()) {
      String line = command.group(1).replaceAll("\\\\\\n", " ").replaceAll("\\s#\\s.*", "");
      List<String> arguments = new ArrayList<>();
      Matcher argument = ARGUMENT.matcher(line);
      while (argument.find()) {
        String value = argument.group(1) != null ? argument.group(1) : argument.group(2);
        if (!value.startsWith("@")) { // a file of further arguments
          arguments.add(value);
        }
      }
      commands.add(arguments);
    }
    return commands;
  }

  // ---- the README's numbers; those of the demo's losses are DemoITCase's ----

  @Test
  void theDemosWorldAndBudgetAreThoseOfItsDefaults() throws IOException {
    CommandLine.Model.CommandSpec demo =
        Murmuration.commandLine().getSubcommands().get("demo").getCommandSpec();
    String rounds = demo.findOption("--rounds").defaultValue();
    double epsilon = Double.parseDouble(demo.findOption("--epsilon").defaultValue());
    double delta = Double.parseDouble(demo.findOption("--delta").defaultValue());

    assertThat(Files.readString(Path.of("README.md")))
        .contains("%,d made-up users chat".formatted(SyntheticStream.DEFAULT_USERS))
        .contains("%d users tell a secret".formatted(SyntheticStream.DEFAULT_SECRETS))
        .contains("After " + rounds + " rounds")
        .contains("rounds                            " + rounds)
        .contains("releases                          " + rounds)
        .contains("of " + epsilon + " at delta " + delta);
  }

  @Test
  void theNoiseOfTheRunOnAChatIsTheAccountants() throws IOException {
    String readme = Files.readString(Path.of("README.md"));
    List<String> run =
        commands(Path.of("README.md")).stream()
            .filter(arguments -> arguments.contains("--events") && arguments.contains("demo"))
            .findFirst()
            .orElseThrow();
    double sigma =
        new NoiseCalibration(new PldAccountant())
            .noiseMultiplier(
                Mechanism.uls(number(run, "--sampling-probability"), /* noiseMultiplier= */ 1),
                (long) number(run, "--rounds"),
                number(run, "--epsilon"),
                number(run, "--delta"));

    assertThat(readme).contains("σ = %.2f,".formatted(sigma));
  }

  /** The losses themselves need the log: {@code scripts/experiment utility} measures such. */
  @Test
  void theRunOnAChatIsOneForAllDocuments() throws IOException {
    String readme = Files.readString(Path.of("README.md"));
    String audit = Files.readString(Path.of("docs/audit.md"));
    List<String> run =
        commands(Path.of("README.md")).stream()
            .filter(arguments -> arguments.contains("--events") && arguments.contains("demo"))
            .findFirst()
            .orElseThrow();
    String rounds = run.get(run.indexOf("--rounds") + 1);
    Matcher measured =
        Pattern.compile(
                "Measured on ([\\d,]+) people of a public chat log and a model of ([\\d,]+) parameters")
            .matcher(readme);

    assertThat(measured.find()).isTrue();
    assertThat(audit)
        .contains(
            " %s users) and a model of %s parameters, as in the README"
                .formatted(measured.group(1), measured.group(2)));
    assertThat(readme)
        .contains(" %s releases, ".formatted(rounds))
        .containsPattern("\\| rounds \\| 0 \\|.* \\| %s \\|".formatted(rounds));
  }

  /**
   * The figure is right to the next hundred: natives and plugins of the build differ from system to
   * system.
   */
  @Test
  void theLibrariesAreAboutAsLargeAsTheReadmeSays() throws IOException {
    Matcher said =
        Pattern.compile("downloads about (\\d+) MB of libraries")
            .matcher(Files.readString(Path.of("README.md")));
    assertThat(said.find()).isTrue();
    long bytes = 0;
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
      bytes += entry.endsWith(".jar") ? Files.size(Path.of(entry)) : 0;
    }
    assertThat(bytes / 1e6).isCloseTo(Double.parseDouble(said.group(1)), within(100.0));
  }

  private static double number(List<String> arguments, String option) {
    return Double.parseDouble(arguments.get(arguments.indexOf(option) + 1));
  }
}
