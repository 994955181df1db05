package io.murmuration;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.cli.Murmuration;
import io.murmuration.config.ConfigFile;
import io.murmuration.config.MurmurationConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What {@code docker/try} asks of an engine, by one that does nothing and notes what it is asked:
 * no engine runs where these tests do.
 */
class DockerTrialTest {

  private static final Path TRIAL = Path.of("docker/try").toAbsolutePath();

  /** Answers as if all went well; each release that is asked for is there at once. */
  private static final String ENGINE =
      """
      #!/usr/bin/env bash
      here=$(dirname "$0")
      { printf '%s\\037' "$@"; echo; } >>"$here/asked"
      case " $* " in
        *" ls -d "*) echo >>"$here/releases"; echo $((3 * $(wc -l <"$here/releases"))) ;;
        *" flink run "*) echo "Job has been submitted with JobID 0123456789abcdef0123456789abcdef" ;;
        *" flink stop "*) echo "Savepoint completed. Path: file:/var/murmuration/savepoints/savepoint-1" ;;
        *" produce "*) cat >"$here/produced" ;;
        *"/query?"*) echo '{"value": 1}' ;;
        *"/rules"*) echo MurmurationHalted ;;
        *"/api/search"*) echo Murmuration ;;
        *" build "*) exit "$BUILD" ;;
      esac
      """;

  @TempDir private Path directory;

  private record Outcome(int exitCode, List<String> lines) {}

  private Outcome run(String engine, int buildExits) throws Exception {
    Path out = directory.resolve("out");
    ProcessBuilder builder =
        new ProcessBuilder(TRIAL.toString()).redirectErrorStream(true).redirectOutput(out.toFile());
    builder.environment().put("MURMURATION_ENGINE", engine);
    builder.environment().put("MURMURATION_TRIAL_LOG", directory.resolve("log").toString());
    builder.environment().put("BUILD", Integer.toString(buildExits));
    Process process = builder.start();
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    return new Outcome(process.exitValue(), Files.readAllLines(out));
  }

  private String engine(String script) throws IOException {
    Path file = Files.writeString(directory.resolve("engine"), script);
    assertThat(file.toFile().setExecutable(true)).isTrue();
    return file.toString();
  }

  /** Arguments of each call. */
  private List<List<String>> asked() throws IOException {
    List<List<String>> asked = new ArrayList<>();
    for (String line : Files.readAllLines(directory.resolve("asked"))) {
      asked.add(List.of(line.split("\037")));
    }
    return asked;
  }

  @Test
  void withoutAnEngineItSaysSoInOneLine() throws Exception {
    Outcome missing = run("/no/such/engine", 0);
    Outcome silent = run(engine("#!/bin/sh\nexit 1\n"), 0);

    assertThat(missing.exitCode()).isEqualTo(3);
    assertThat(missing.lines()).singleElement().asString().contains("there is no /no/such/engine");
    assertThat(silent.exitCode()).isEqualTo(3);
    assertThat(silent.lines()).singleElement().asString().contains("has no engine that answers");
  }

  @Test
  void everythingIsTriedAndTakenDown_andEachCommandOfOursIsUnderstood() throws Exception {
    Outcome outcome = run(engine(ENGINE), 0);

    assertThat(outcome.exitCode()).as("%s", outcome.lines()).isZero();
    assertThat(outcome.lines()).last().asString().endsWith("all of it works");
    List<List<String>> asked = asked();
    assertThat(asked.get(asked.size() - 1)).contains("murmuration-try", "down", "--volumes");
    assertThat(asked).anyMatch(call -> call.containsAll(List.of("kill", "KILL", "taskmanager")));
    assertThat(Files.readAllLines(directory.resolve("produced"))).hasSize(1000);
    List<List<String>> ours = after(asked, "io.murmuration.cli.Murmuration", /* least= */ 4);
    ours.forEach(call -> Murmuration.commandLine().parseArgs(call.toArray(String[]::new)));
    for (List<String> call : after(asked, "--config", /* least= */ 2)) {
      Map<String, String> settings =
          new TreeMap<>(ConfigFile.read(Path.of("docker/murmuration.yaml")));
      for (int i = 1; i < call.size(); i += 2) {
        assertThat(call.get(i)).isEqualTo("--set");
        String[] setting = call.get(i + 1).split("=", 2);
        settings.put(setting[0], setting[1]);
      }
      assertThat(MurmurationConfig.of(settings).privacy().domain()).isEqualTo("try");
    }
  }

  /** What follows a word, of the calls that have it. */
  private static List<List<String>> after(List<List<String>> calls, String word, int least) {
    List<List<String>> found =
        calls.stream()
            .filter(call -> call.contains(word))
            .map(call -> call.subList(call.indexOf(word) + 1, call.size()))
            .toList();
    assertThat(found).hasSizeGreaterThanOrEqualTo(least);
    return found;
  }

  @Test
  void whatFailsIsSaid_andTakenDownToo() throws Exception {
    Outcome outcome = run(engine(ENGINE), 1);

    assertThat(outcome.exitCode()).isEqualTo(1);
    assertThat(outcome.lines()).anyMatch(line -> line.endsWith("WRONG: the image is not built"));
    assertThat(outcome.lines()).last().asString().endsWith("something does not work");
    assertThat(asked()).last().asList().contains("down", "--volumes").doesNotContain("up");
  }
}
