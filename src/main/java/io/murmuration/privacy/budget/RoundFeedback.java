package io.murmuration.privacy.budget;

import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.mechanism.RoundExecuted;
import java.io.IOException;
import java.io.Serializable;
import java.util.function.Consumer;

/**
 * The way back from train to privacy budget, outside the data edges. As configuration it travels in
 * the job graph.
 *
 * <p>What it carries is a hint, not a truth: a lost acknowledgement holds back further rounds until
 * it is repeated, and a stale or repeated one is ignored. Neither spends anything.
 */
public interface RoundFeedback extends Serializable {

  /** The trainer's end. Does not touch the network. */
  Publisher publisher();

  /**
   * The budget's end: from the return of this call on, everything published is delivered. Blocks.
   *
   * @param listener called for each acknowledgement, on a thread of the feedback's own or of the
   *     publisher; must not block
   * @param failed called at most once, when no more acknowledgements can be delivered
   * @throws LedgerException.Unavailable if the feedback cannot be reached now
   */
  Subscription subscribe(Consumer<RoundExecuted> listener, Consumer<Throwable> failed)
      throws LedgerException, InterruptedException;

  /** Sends acknowledgements. One thread uses an instance. */
  interface Publisher extends AutoCloseable {

    /**
     * Sends an acknowledgement and returns once it will be delivered. May block.
     *
     * @throws IOException if the feedback cannot be reached now; it may or may not be delivered,
     *     and should be sent again
     * @throws InterruptedException if interrupted; it may or may not be delivered
     */
    void executed(RoundExecuted executed) throws IOException, InterruptedException;

    @Override
    void close();
  }

  /** Ends the delivery when closed. */
  interface Subscription extends AutoCloseable {
    @Override
    void close();
  }
}
