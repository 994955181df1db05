package io.murmuration.privacy.ledger;

import java.util.List;

/**
 * An append-only ledger: the truth about what a privacy domain has spent.
 *
 * <p>One holder writes at a time. {@link #open} first fences off every earlier holder and only then
 * reads, so that nothing can be appended behind the reader's back. An append that failed for any
 * reason leaves its outcome open: the holder closes the ledger, opens it again and reads whether
 * the entry is there.
 *
 * <p>All methods block and may be interrupted; one thread uses an instance.
 */
public interface Ledger extends AutoCloseable {

  /** Says, for messages, where the ledger is: a file, a topic. */
  String location();

  /**
   * Every durable entry in order, without fencing anybody; a look, not a base for a charge. An
   * entry whose hash does not fit its content is refused; whether the chain holds is for {@link
   * LedgerState}.
   */
  List<LedgerEntry> read() throws LedgerException, InterruptedException;

  /**
   * Whether there is a ledger, if an empty one; where there is none, {@link #open} begins one. A
   * look, as {@link #read} is.
   */
  default boolean isThere() throws LedgerException, InterruptedException {
    return !read().isEmpty();
  }

  /**
   * Fences every earlier holder off for good, then reads every durable entry in order. From then on
   * this holder may append.
   *
   * @throws LedgerException.Unavailable if it cannot be reached, or another holder cannot be fenced
   */
  List<LedgerEntry> open() throws LedgerException, InterruptedException;

  /**
   * Appends an entry and returns once it is durable.
   *
   * @throws LedgerException.Fenced if another holder opened the ledger since; nothing was written
   * @throws LedgerException.Unavailable if it is not known whether it was written
   */
  void append(LedgerEntry entry) throws LedgerException, InterruptedException;

  /** Gives up what {@link #open} took. Does not fail and may be called twice. */
  @Override
  void close();
}
