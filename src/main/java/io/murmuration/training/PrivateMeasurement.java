package io.murmuration.training;

import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.noise.NoiseFactory;
import io.murmuration.privacy.noise.NoiseGrid;
import java.util.Arrays;
import java.util.List;

/**
 * The rounds that measure and do not train: a sum of histograms over users, noised once.
 *
 * <p><b>Formal guarantee.</b> If each user is in the cohort independently with the mechanism's
 * probability, what is returned is the subsampled Gaussian mechanism with the mechanism's noise
 * multiplier: one user moves the sum by at most the bound of the round's {@link RoundGrid}, in
 * whole grid units, see {@link CohortSummation}, and a discrete Gaussian is added as a whole
 * number, see {@link NoiseGrid}. An empty cohort is noised all the same, and nothing is divided by
 * its size.
 */
public final class PrivateMeasurement {

  private final NoiseFactory noise;

  /** Measures with this noise. */
  public PrivateMeasurement(NoiseFactory noise) {
    this.noise = noise;
  }

  /**
   * Noises what the grant asks for.
   *
   * @param sum of the histograms, one behind the other; used up: the noise is added in place
   * @return the noised numbers, as the query lays them out
   * @throws IllegalArgumentException if the mechanism's clip norm is not the query's sensitivity
   * @throws IllegalStateException if the sum is of another size or bound
   */
  public List<Double> measure(Grant grant, ClippedSum sum) {
    RoundMechanism mechanism = grant.mechanism();
    requireSensitivity(mechanism);
    RoundGrid grid = RoundGrid.of(mechanism);
    int size = mechanism.query().answerSize();
    if (!sum.grid().equals(grid) || sum.sum().length != size) {
      throw new IllegalStateException(
          "the histograms of round %d must be %d numbers bounded by the granted %s but are %d bounded by %s"
              .formatted(grant.round(), size, grid, sum.sum().length, sum.grid()));
    }
    noise.create().addTo(sum.sum());
    return Arrays.stream(sum.sum()).mapToObj(grid.sum()::value).toList();
  }

  /** Compares what one user moves the sum by in L2, by the query itself, with what is accounted. */
  private static void requireSensitivity(RoundMechanism mechanism) {
    double sensitivity = mechanism.query().sensitivity(mechanism.clipNorm());
    if (mechanism.clipNorm() != sensitivity) {
      throw new IllegalArgumentException(
          "the clip norm of %s must be its sensitivity, %s, but is %s"
              .formatted(mechanism.query(), sensitivity, mechanism.clipNorm()));
    }
  }
}
