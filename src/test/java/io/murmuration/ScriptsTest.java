package io.murmuration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The scripts as bash reads them, and what they share. */
class ScriptsTest {

  @TempDir Path checkout;

  static List<Path> scripts() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of("scripts"))) {
      return files.filter(ScriptsTest::isBash).sorted().toList();
    }
  }

  private static boolean isBash(Path file) {
    if (!Files.isRegularFile(file)) {
      return false;
    }
    try (Stream<String> lines = Files.lines(file, StandardCharsets.ISO_8859_1)) {
      String first = lines.findFirst().orElse("");
      return first.startsWith("#!") && first.endsWith("bash") || file.toString().endsWith(".sh");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @MethodSource("scripts")
  void everyScriptParses(Path script) throws Exception {
    assertThat(bash("-n", script.toString())).isEmpty();
  }

  /** The first command of a new user's: it ended in silence where nothing had been built. */
  @Test
  void aCheckoutThatWasNeverBuiltHasNoJobJarAndThatIsNoFailure() throws Exception {
    assertThat(jobJar()).isEqualTo("[]");
  }

  @Test
  void theJobJarIsTheNewest() throws Exception {
    Path target = Files.createDirectory(checkout.resolve("target"));
    Path older = Files.createFile(target.resolve("murmuration-0.2.0-job.jar"));
    Path newer = Files.createFile(target.resolve("murmuration-0.1.0-job.jar"));
    Files.createFile(target.resolve("murmuration-0.1.0.jar"));
    Instant built = Instant.parse("2026-01-01T00:00:00Z");
    Files.setLastModifiedTime(older, FileTime.from(built));
    Files.setLastModifiedTime(newer, FileTime.from(built.plusSeconds(1)));
    assertThat(jobJar()).isEqualTo("[" + newer + "]");
  }

  /** Maven counts what it fetches, for a terminal in one line that is drawn again and again. */
  @Test
  void aBuildThatNoTerminalSeesShowsProgressInPlainLines() throws Exception {
    Path mvn =
        Files.writeString(
            checkout.resolve("mvn"),
            """
            #!/usr/bin/env bash
            for i in {1..250}; do
              printf '\\033[1mDownloaded from central: file %d\\033[0m\\n' "$i"
            done
            printf '[\\033[1;31mERROR\\033[m] it broke\\n'
            """);
    assertThat(mvn.toFile().setExecutable(true)).isTrue();
    assertThat(
            bash(
                "-c",
                "set -euo pipefail; PATH=$0:$PATH; source scripts/lib/maven.sh; maven package",
                checkout.toString()))
        .isEqualTo("  100 files fetched\n  200 files fetched\n[ERROR] it broke\n");
  }

  private String jobJar() throws Exception {
    return bash(
        "-c",
        "set -euo pipefail; source scripts/lib/common.sh; root=$0; jar=$(job_jar);"
            + " printf '[%s]' \"$jar\"",
        checkout.toString());
  }

  private static String bash(String... arguments) throws Exception {
    Process process =
        new ProcessBuilder(Stream.concat(Stream.of("bash"), Stream.of(arguments)).toList())
            .redirectErrorStream(true)
            .start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    return said;
  }
}
