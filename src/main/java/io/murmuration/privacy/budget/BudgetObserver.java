package io.murmuration.privacy.budget;

import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.mechanism.Grant;

/**
 * Watches a domain's budget from inside the same JVM; for the terminal of an embedded run. Called
 * on the operator's thread: must not block.
 */
public interface BudgetObserver {

  /** A round was charged and granted. */
  void granted(Grant grant);

  /**
   * Training has halted, or was found halted at the start.
   *
   * @param round the last round of the ledger, 0 for none
   * @param epsilonSpent cumulative ε of the domain
   */
  void halted(HaltReason reason, long round, double epsilonSpent);

  /** The ledger is out of reach; it is tried again. */
  void waiting(String why);
}
