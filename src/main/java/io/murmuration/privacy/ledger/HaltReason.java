package io.murmuration.privacy.ledger;

/** Why no more rounds are granted. Ingest and time go on. */
public enum HaltReason {
  /** One more round would pass what the phase reserved. For good, until the budget is raised. */
  BUDGET_SPENT("the privacy budget is spent"),
  /** The configured number of rounds has run; a later start may be given more. */
  ROUNDS_DONE("the configured number of rounds is done"),
  /** Every attempt that a calibration had reserved was voided by a failure. */
  CALIBRATION_FAILED(
      "every attempt that the calibration had reserved failed before its outcome was recorded"),
  /**
   * The noisy model, or what it is computed with, fails on public text, so that rounds would be
   * charged for nothing. Until another job is submitted: restarts of this one stay halted.
   */
  MODEL_FAILED("the model fails on public text; the log of train says how"),
  /** Another job took the domain over. Never recorded: a fenced job cannot write. */
  FENCED("another job has taken over this privacy domain");

  private final String text;

  HaltReason(String text) {
    this.text = text;
  }

  /** The reason in words, to follow "halted because". */
  public String text() {
    return text;
  }
}
