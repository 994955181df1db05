package io.murmuration.contribution;

import io.murmuration.privacy.mechanism.InputTopic;
import java.io.Serializable;
import java.util.Objects;

/**
 * That each user has a lifetime, and what its counting rests on.
 *
 * @param identity what decides about records
 * @param input the topic of events
 */
public record LifetimeCounting(SamplerIdentity identity, InputTopic input) implements Serializable {

  public LifetimeCounting {
    Objects.requireNonNull(identity, "identity");
    Objects.requireNonNull(input, "input");
  }
}
