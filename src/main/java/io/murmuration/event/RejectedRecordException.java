package io.murmuration.event;

import java.util.Objects;

/** A record broke a rule. Costs no stack trace: users can cause it at the rate they send. */
public final class RejectedRecordException extends Exception {

  private static final long serialVersionUID = 1L;

  private final RejectionReason reason;

  /**
   * Rejects a record.
   *
   * @param detail what was required and what was given, without the user's text
   */
  public RejectedRecordException(RejectionReason reason, String detail) {
    super(detail, null, false, false);
    this.reason = Objects.requireNonNull(reason, "reason");
  }

  /** The rule that was broken. */
  public RejectionReason reason() {
    return reason;
  }
}
