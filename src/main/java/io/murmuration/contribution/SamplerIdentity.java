package io.murmuration.contribution;

import java.io.Serializable;
import java.util.Objects;

/**
 * What decides which record belongs to which user, and whether it counts at all: within a
 * generation none of it may change.
 *
 * @param idKey fingerprint of the key under which ids become the keys of state
 * @param eventRules fingerprint of everything that decides whether a record is valid
 * @param partitions how many partitions the topic of events has, at least 1; each user's events are
 *     in the one that the user's id names
 */
public record SamplerIdentity(String idKey, String eventRules, int partitions)
    implements Serializable {

  public SamplerIdentity {
    Objects.requireNonNull(idKey, "idKey");
    Objects.requireNonNull(eventRules, "eventRules");
    if (partitions < 1) {
      throw new IllegalArgumentException("partitions must be at least 1 but is " + partitions);
    }
  }
}
