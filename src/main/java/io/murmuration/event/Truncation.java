package io.murmuration.event;

import java.io.IOException;
import java.io.Serializable;

/**
 * Cuts what an event says to what can be trained, so that keyed state never holds more.
 *
 * <p>It looks at one event alone and is no part of the bound on a user's contribution. An instance
 * serves one thread.
 */
public interface Truncation extends AutoCloseable {

  /**
   * The event with its prompt and text cut; the same one where nothing is too long.
   *
   * @throws RejectedRecordException when it cannot be said how much of the text can be trained
   */
  UserEvent cut(UserEvent event) throws RejectedRecordException;

  @Override
  void close();

  /** Travels to the task managers, where each subtask opens its own. */
  @FunctionalInterface
  interface Factory extends Serializable {

    /**
     * Loads what cutting needs.
     *
     * @throws IOException if it cannot be read
     */
    Truncation open() throws IOException;
  }

  /** Leaves every event as the {@link InteractionRules} left it. */
  static Factory none() {
    return Uncut::new;
  }

  /** See {@link #none}. */
  final class Uncut implements Truncation {

    private Uncut() {}

    @Override
    public UserEvent cut(UserEvent event) {
      return event;
    }

    @Override
    public void close() {}
  }
}
