package io.murmuration.privacy.budget;

import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerFactory;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Semaphore;

/** A ledger between the session and the real one that fails, or stands still, on demand. */
final class FaultyLedger implements Ledger {

  /** What becomes of one append. */
  enum Fault {
    NONE,
    /** Never arrives, and the caller learns only that it does not know. */
    LOST,
    /** Arrives, and the caller learns only that it does not know. */
    UNACKNOWLEDGED
  }

  /** Shared by all ledgers of one factory, so that faults can be planted while a job runs. */
  static final class Controls {
    final Queue<Fault> appends = new ArrayDeque<>();
    volatile boolean unreachable;
    volatile Semaphore gate;
    int opened;
    int looked;
  }

  private final Ledger real;
  private final Controls controls;

  private FaultyLedger(Ledger real, Controls controls) {
    this.real = real;
    this.controls = controls;
  }

  static LedgerFactory factory(LedgerFactory real, Controls controls) {
    return () -> new FaultyLedger(real.create(), controls);
  }

  @Override
  public String location() {
    return real.location();
  }

  @Override
  public List<LedgerEntry> read() throws LedgerException, InterruptedException {
    requireReachable();
    controls.looked++;
    return real.read();
  }

  @Override
  public List<LedgerEntry> open() throws LedgerException, InterruptedException {
    requireReachable();
    controls.opened++;
    return real.open();
  }

  @Override
  public void append(LedgerEntry entry) throws LedgerException, InterruptedException {
    Semaphore gate = controls.gate;
    if (gate != null) {
      gate.acquire();
    }
    requireReachable();
    Fault fault = controls.appends.isEmpty() ? Fault.NONE : controls.appends.remove();
    if (fault != Fault.LOST) {
      real.append(entry);
    }
    if (fault != Fault.NONE) {
      throw new LedgerException.Unavailable("planted: outcome unknown");
    }
  }

  private void requireReachable() throws LedgerException {
    if (controls.unreachable) {
      throw new LedgerException.Unavailable("planted: unreachable");
    }
  }

  @Override
  public void close() {
    real.close();
  }
}
