package io.murmuration.terminal;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProgressTest {

  private final StringWriter text = new StringWriter();
  private final PrintWriter out = new PrintWriter(text);

  @Test
  void elsewhereThanOnATerminalItIsPlainLines() {
    try (Progress progress = Progress.of("Rounds", 80, out, /* terminal= */ false)) {
      progress.stepTo(20);
      progress.note("epsilon 4.0 of 8.0");
    }

    assertThat(text.toString())
        .matches("(?s)(Rounds +\\d+% \\[[^\\r\\u001b]*\\R)+")
        .containsPattern("Rounds +25% \\[.*20/80.*epsilon 4.0 of 8.0");
  }

  @Test
  void onATerminalOneLineIsDrawnOverItself() {
    try (Progress progress = Progress.of("Rounds", 80, out, /* terminal= */ true)) {
      progress.stepTo(80);
    }

    assertThat(text.toString())
        .startsWith("\rRounds")
        .contains("100%")
        .endsWith(System.lineSeparator());
    assertThat(text.toString().strip()).doesNotContain("\n");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void readingShowsHowMuchWasRead(boolean terminal) throws Exception {
    byte[] bytes = new byte[4 << 10];
    try (InputStream input =
        Progress.ofReading(
            new ByteArrayInputStream(bytes), "produce", bytes.length, out, terminal)) {
      assertThat(input.readAllBytes()).hasSize(bytes.length);
    }

    assertThat(text.toString()).contains("4/4 KiB").doesNotContain("\u001b");
  }
}
