package io.murmuration.contribution;

import java.io.Serializable;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * The source of the random choices of bounding and sampling.
 *
 * <p>In production this is {@link #secure()} and nothing else: a participant who could predict the
 * bits would void the amplification by sampling. The user id is an argument so that a test can give
 * every user a reproducible stream of their own.
 */
@FunctionalInterface
public interface Randomness extends Serializable {

  /** Uniform random bits for choices about one user; not kept beyond the current call. */
  UniformRandomProvider forUser(String userId);

  /** A cryptographic generator, keyed afresh in each process and never stored. Not thread-safe. */
  static Randomness secure() {
    return new SecureRandomness();
  }
}
