package io.murmuration.training;

/**
 * A round was given up since its task is ending: nothing of it is released, and it stays charged
 * and void. Never isolated to a slice: the interruption concerns all of them, and a zero
 * contribution in their place would be released as if it were theirs.
 */
public final class RoundInterruptedException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private RoundInterruptedException() {
    super("the round is given up, since its task is ending");
  }

  /**
   * Ends the round if the thread was interrupted, which stays so. To be called between pieces of
   * native work, which cannot be interrupted, and outside of whatever isolates a slice's failure.
   */
  static void throwIfInterrupted() {
    if (Thread.currentThread().isInterrupted()) {
      throw new RoundInterruptedException();
    }
  }
}
