package io.murmuration.privacy.noise;

/** Independent Gaussian noise for one attempt at one release. Used by one thread. */
public interface GaussianNoise {

  /**
   * Adds an independent N(0, standardDeviation²) to every element, in float64.
   *
   * @param sum what the noise hides; modified in place
   * @param standardDeviation positive and finite
   * @throws IllegalArgumentException on any other standard deviation; nothing is added then
   */
  void addTo(double[] sum, double standardDeviation);
}
