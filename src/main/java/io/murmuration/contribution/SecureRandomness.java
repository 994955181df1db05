package io.murmuration.contribution;

import io.murmuration.privacy.noise.SecureRandomSource;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * Randomness from a {@link SecureRandomSource}.
 *
 * <p>Serialization carries no key: each copy draws its own at first use.
 */
final class SecureRandomness implements Randomness {

  private static final long serialVersionUID = 2L;

  private transient SecureRandomSource bits;

  @Override
  public UniformRandomProvider forUser(String userId) {
    if (bits == null) {
      bits = SecureRandomSource.forFewBits();
    }
    return bits;
  }
}
