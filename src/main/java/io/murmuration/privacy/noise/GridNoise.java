package io.murmuration.privacy.noise;

/**
 * Independent noise for one attempt at one release: a discrete Gaussian on the integers of a {@link
 * NoiseGrid}, which holds the proof of what it is worth. Used by one thread.
 */
public interface GridNoise {

  /**
   * Adds an independent sample of mean 0 and variance {@link NoiseGrid#NOISE_VARIANCE} to every
   * element.
   *
   * @param sums in grid units, far enough from the ends of a long; modified in place
   */
  void addTo(long[] sums);
}
