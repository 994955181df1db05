package io.murmuration.demo;

import io.murmuration.privacy.budget.BudgetObserver;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.mechanism.Grant;
import java.util.function.Consumer;

/** What the budget operator said last; written by the task's thread, read by others. */
final class BudgetWatch implements BudgetObserver {

  private final Consumer<Grant> onGrant;
  private volatile Grant lastGrant;
  private volatile HaltReason halt;
  private volatile String waiting;
  private volatile long lastRound;
  private volatile double epsilonSpent;

  /**
   * @param onGrant is told of every grant, on the task's thread; must not wait
   */
  BudgetWatch(Consumer<Grant> onGrant) {
    this.onGrant = onGrant;
  }

  @Override
  public void granted(Grant grant) {
    lastGrant = grant;
    lastRound = grant.round();
    epsilonSpent = grant.epsilonSpent();
    waiting = null;
    onGrant.accept(grant);
  }

  @Override
  public void halted(HaltReason reason, long round, double epsilon) {
    lastRound = round;
    epsilonSpent = epsilon;
    halt = reason;
    waiting = null;
  }

  @Override
  public void waiting(String why) {
    waiting = why;
  }

  /** The newest grant; null before the first. */
  Grant lastGrant() {
    return lastGrant;
  }

  /** Why training has ended; null while it goes on. */
  HaltReason halt() {
    return halt;
  }

  /** What the ledger is waited for with; null while it is not. */
  String waitingFor() {
    return waiting;
  }

  /** The last round that the ledger holds, as far as it was heard of. */
  long lastRound() {
    return lastRound;
  }

  /** ε of the domain after that round. */
  double epsilonSpent() {
    return epsilonSpent;
  }
}
