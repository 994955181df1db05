package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.model.LanguageModel;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class DemoCommandTest {

  @TempDir private Path directory;

  @Test
  void unpacksItsBaseModel_andRunsNothing() throws IOException {
    Path model = directory.resolve("base-model");
    Path results = directory.resolve("results");
    StringWriter output = new StringWriter();
    int exit =
        new CommandLine(new DemoCommand())
            .setOut(new PrintWriter(output))
            .execute("--unpack-model", model.toString(), "--out", results.toString());
    assertThat(exit).isZero();
    assertThat(output.toString().strip()).isEqualTo("base model: " + model);
    try (LanguageModel loaded = LanguageModel.load(model)) {
      assertThat(loaded.directory()).isEqualTo(model);
    }
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(files).containsExactly(model);
    }
  }
}
