package io.murmuration.event;

import java.util.Objects;

/**
 * A record that was not let in, whole, and why. It is as private as the record.
 *
 * @param reason the rule it broke
 * @param detail what was required and given
 * @param record the record as it was read
 */
public record DeadLetter(RejectionReason reason, String detail, RawRecord record) {

  public DeadLetter {
    Objects.requireNonNull(reason, "reason");
    Objects.requireNonNull(detail, "detail");
    Objects.requireNonNull(record, "record");
  }
}
