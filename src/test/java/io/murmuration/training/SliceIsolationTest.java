package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SliceIsolationTest {

  private final List<List<String>> done = new ArrayList<>();
  private final List<String> failed = new ArrayList<>();

  static Stream<Throwable> failuresOfASlice() {
    return Stream.of(
        new IllegalStateException("a text that the tokenizer does not take"),
        new OutOfMemoryError("Java heap space"),
        new StackOverflowError());
  }

  private Consumer<List<String>> failingOn(String culprit, Throwable failure) {
    return batch -> {
      if (batch.contains(culprit)) {
        throwAny(failure);
      }
      done.add(batch);
    };
  }

  @SuppressWarnings("unchecked")
  private static <T extends Throwable> void throwAny(Throwable failure) throws T {
    throw (T) failure;
  }

  @ParameterizedTest
  @MethodSource("failuresOfASlice")
  void whatOneElementCausesIsItsOwn(Throwable failure) {
    SliceIsolation.forEach(List.of("a", "b", "c"), failingOn("b", failure), failed::add);

    assertThat(done).containsExactly(List.of("a"), List.of("c"));
    assertThat(failed).containsExactly("b");
  }

  @Test
  void aBatchWithoutAFailureIsWorkedOnOnce() {
    SliceIsolation.forEach(
        List.of("a", "b"), failingOn("x", new IllegalStateException()), failed::add);

    assertThat(done).containsExactly(List.of("a", "b"));
    assertThat(failed).isEmpty();
  }

  /** A missing class fails every slice: that is no slice's fault, and not hidden. */
  @Test
  void anErrorOfTheInstallationPassesThrough() {
    assertThatThrownBy(
            () ->
                SliceIsolation.forEach(
                    List.of("a", "b"), failingOn("b", new NoClassDefFoundError("x")), failed::add))
        .isInstanceOf(NoClassDefFoundError.class);
    assertThat(failed).isEmpty();
  }
}
