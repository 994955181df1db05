package io.murmuration.terminal;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

class OneLineTest {

  @Test
  void whatIsWrongWithAFileIsSaid() {
    assertThat(OneLine.of(new NoSuchFileException("/a"))).isEqualTo("/a is not there");
    assertThat(OneLine.of(new AccessDeniedException("/a")))
        .isEqualTo("/a may not be read or written by this user");
    assertThat(OneLine.of(new FileSystemException("/a", null, "Is a directory")))
        .isEqualTo("/a: Is a directory");
    assertThat(OneLine.of(new FileSystemException("/a")))
        .isEqualTo("/a cannot be used (FileSystemException)");
  }

  @Test
  void whatOnlyWrapsIsPassedOver() {
    assertThat(
            OneLine.of(
                new IOException(
                    "no answer", new ExecutionException(new IOException("too\n late")))))
        .isEqualTo("no answer: too late");
  }

  @Test
  void linesAreJoined_whereTheyAreNotOfSeveralThings() {
    IllegalStateException failure = new IllegalStateException("one\n two");

    assertThat(OneLine.of(failure)).isEqualTo("one two");
    assertThat(OneLine.of(failure, IllegalStateException.class::isInstance)).isEqualTo("one\n two");
  }
}
