package io.murmuration.privacy.mechanism;

/** What the privacy budget broadcasts to sampler and trainer, between its watermarks. */
public sealed interface BudgetSignal permits EpochStart, IntakeLimit, Grant {

  /** The epoch of the attempt that sent it: strictly increasing in the ledger, first is 1. */
  long epoch();
}
