package io.murmuration.privacy.budget;

import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundExecuted;
import java.io.IOException;
import java.io.Serializable;

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
   * @param listener called on a thread of the feedback's own or of the publisher
   * @throws LedgerException.Unavailable if the feedback cannot be reached now
   */
  Subscription subscribe(Listener listener) throws LedgerException, InterruptedException;

  /** What the budget hears, in the order in which one publisher sent it. Must not block. */
  interface Listener {

    /** A model was announced. */
    void announced(ModelVersion model);

    /** A round was executed. */
    void executed(RoundExecuted executed);

    /** Called at most once, when nothing more can be delivered. */
    void failed(Throwable failure);
  }

  /** Sends what train has to say. One thread uses an instance. */
  interface Publisher extends AutoCloseable {

    /**
     * Announces a model and returns once that will be delivered. May block.
     *
     * @throws IOException if the feedback cannot be reached now; it may or may not be delivered,
     *     and should be sent again
     * @throws InterruptedException if interrupted; it may or may not be delivered
     */
    void announced(ModelVersion model) throws IOException, InterruptedException;

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
