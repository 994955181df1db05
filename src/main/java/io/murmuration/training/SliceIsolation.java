package io.murmuration.training;

import java.util.List;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Work on several slices at once in which one slice's failure must not touch the others: a round
 * goes on whatever a user sent, and what fails is that user's contribution alone.
 *
 * <p>A failure is whatever one slice can cause and Java can catch: exceptions, memory that ran out,
 * on the heap or in native code as the engine reports it, a recursion that is too deep. Other
 * errors are not of a slice's making and pass through.
 */
final class SliceIsolation {

  private static final Logger LOG = LoggerFactory.getLogger(SliceIsolation.class);

  private SliceIsolation() {}

  /**
   * Works on a batch; if that fails, on each of its elements alone.
   *
   * @param work takes effect for all elements that it is given, or throws and has none
   * @param failed called for each element that fails alone
   * @throws RoundInterruptedException if the thread was interrupted, before anything more is done
   */
  static <T> void forEach(List<T> batch, Consumer<List<T>> work, Consumer<T> failed) {
    RoundInterruptedException.throwIfInterrupted();
    try {
      work.accept(batch);
    } catch (RuntimeException | OutOfMemoryError | StackOverflowError e) {
      if (batch.size() == 1) {
        LOG.warn("a slice fails to process and contributes zero", e);
        failed.accept(batch.get(0));
        return;
      }
      LOG.warn("a micro-batch of {} slices fails, each is tried alone", batch.size(), e);
      for (T element : batch) {
        forEach(List.of(element), work, failed);
      }
    }
  }
}
