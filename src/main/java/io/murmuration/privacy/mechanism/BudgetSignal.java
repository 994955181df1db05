package io.murmuration.privacy.mechanism;

/** What the privacy budget broadcasts to sampler, workers and trainer, between its watermarks. */
public sealed interface BudgetSignal permits EpochStart, IntakeLimit, Grant, ModelVersion {

  /** The epoch of the attempt that sent it: strictly increasing in the ledger, first is 1. */
  long epoch();
}
