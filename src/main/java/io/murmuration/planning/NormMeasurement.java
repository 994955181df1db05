package io.murmuration.planning;

/**
 * A typical norm of users' mean gradients at one bound.
 *
 * @param groupSize G ≥ 1
 * @param norm C(G) &gt; 0
 */
public record NormMeasurement(int groupSize, double norm) {

  public NormMeasurement {
    if (groupSize < 1) {
      throw new IllegalArgumentException("group size must be at least 1 but is " + groupSize);
    }
    if (!(norm > 0 && norm < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "the norm at G = %d must be positive and finite but is %s".formatted(groupSize, norm));
    }
  }
}
