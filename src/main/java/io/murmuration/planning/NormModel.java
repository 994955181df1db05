package io.murmuration.planning;

/**
 * C(G): a typical L2 norm of the mean of a user's gradients over G examples, at the model that
 * training starts from. It is what the clip norm is set to, so that clipping cuts about the same
 * share of the updates at every G.
 */
@FunctionalInterface
public interface NormModel {

  /**
   * C(G) &gt; 0.
   *
   * @param groupSize G ≥ 1
   * @throws IllegalArgumentException if the model does not know this G
   */
  double norm(int groupSize);
}
