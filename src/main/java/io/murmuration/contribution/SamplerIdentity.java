package io.murmuration.contribution;

import java.io.Serializable;
import java.util.Objects;

/**
 * What decides which record belongs to which user, and whether it counts at all: as long as a
 * sampler's state lives, none of it may change.
 *
 * @param idKey fingerprint of the key under which ids become the keys of state
 * @param inputRules fingerprint of everything that decides whether a record is valid
 * @param partitions how many partitions the topic of events has; each user's events are in one
 */
public record SamplerIdentity(String idKey, String inputRules, int partitions)
    implements Serializable {

  public SamplerIdentity {
    Objects.requireNonNull(idKey, "idKey");
    Objects.requireNonNull(inputRules, "inputRules");
    if (partitions < 1) {
      throw new IllegalArgumentException("partitions must be at least 1 but is " + partitions);
    }
  }
}
