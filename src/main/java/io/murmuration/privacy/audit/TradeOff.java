package io.murmuration.privacy.audit;

/**
 * How well two neighbours can be told apart, in the form of a trade-off between the two errors of a
 * test (Dong, Roth and Su, "Gaussian Differential Privacy", arXiv 1905.02383).
 */
@FunctionalInterface
public interface TradeOff {

  /**
   * The smallest probability that an event can have without the user if it has probability {@code
   * x} with: the inverse of the blow-up function 1 − f.
   *
   * @param x in [0, 1]
   * @return in [0, x]; not decreasing in x
   */
  double inverseBlowUp(double x);
}
