package io.murmuration.contribution;

import java.util.Arrays;
import org.apache.commons.rng.UniformRandomProvider;

/** Uniform subsets without replacement. */
public final class SubsetSampling {

  private SubsetSampling() {}

  /**
   * Draws min(size, items) of the items; every subset of that size is equally likely.
   *
   * @param items not modified
   * @param size at least 0
   * @return the subset, in random order
   */
  public static int[] draw(int[] items, int size, UniformRandomProvider random) {
    int[] shuffled = items.clone();
    int drawn = Math.min(size, shuffled.length);
    for (int i = 0; i < drawn; i++) {
      int j = i + random.nextInt(shuffled.length - i);
      int swapped = shuffled[i];
      shuffled[i] = shuffled[j];
      shuffled[j] = swapped;
    }
    return Arrays.copyOf(shuffled, drawn);
  }
}
