package io.murmuration.training;

import io.murmuration.calibration.NormHistogram;
import io.murmuration.contribution.UserCounts;
import io.murmuration.contribution.UserSample;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;
import io.murmuration.privacy.noise.NoiseFactory;
import io.murmuration.privacy.noise.NoiseGrid;
import io.murmuration.training.CohortBuffer.Cohort;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The rounds that measure and do not train: a sum of histograms over users, noised once.
 *
 * <p><b>Formal guarantee.</b> If each user is in the cohort independently with the mechanism's
 * probability, what is returned is the subsampled Gaussian mechanism with the mechanism's noise
 * multiplier: one user moves the sum by at most the bound of the round's {@link RoundGrid}, in
 * whole grid units, and a discrete Gaussian is added as a whole number, see {@link NoiseGrid}.
 *
 * <table>
 * <caption>What one user adds</caption>
 * <tr><td>counts</td><td>1 in one bin, or nothing: C = 1</td></tr>
 * <tr><td>norms at J candidates</td><td>weight 1 in each of J histograms: C = √J</td></tr>
 * <tr><td>a gradient that is not finite, a text that fails</td><td>nothing at that candidate</td></tr>
 * <tr><td>a second record of a user in one round</td><td>nothing: it is dropped</td></tr>
 * <tr><td>empty cohort</td><td>the noise is returned all the same</td></tr>
 * </table>
 *
 * Nothing is divided by the size of the cohort.
 */
public final class PrivateMeasurement {

  private final GradientEngine engine;
  private final NoiseFactory noise;

  /** Measures on this engine, which it does not own. */
  public PrivateMeasurement(GradientEngine engine, NoiseFactory noise) {
    this.engine = engine;
    this.noise = noise;
  }

  /**
   * Measures what the grant of the cohort asks for.
   *
   * @param parameters of the model as it is, flat
   * @return the noised numbers, as the query lays them out
   */
  public List<Double> measure(Cohort cohort, float[] parameters) {
    RoundMechanism mechanism = cohort.grant().mechanism();
    requireSensitivity(mechanism);
    NoiseGrid grid = RoundGrid.of(mechanism).sum();
    long[] sums = exactSums(cohort, parameters);
    noise.create().addTo(sums);
    return Arrays.stream(sums).mapToObj(grid::value).toList();
  }

  /**
   * Compares what one user moves the sum by in L2, by the query itself, with what is accounted for.
   *
   * @throws IllegalArgumentException if the mechanism's clip norm is another, so that accounting
   *     and noise would disagree
   */
  private static void requireSensitivity(RoundMechanism mechanism) {
    double sensitivity = mechanism.query().sensitivity(mechanism.clipNorm());
    if (mechanism.clipNorm() != sensitivity) {
      throw new IllegalArgumentException(
          "the clip norm of %s must be its sensitivity, %s, but is %s"
              .formatted(mechanism.query(), sensitivity, mechanism.clipNorm()));
    }
  }

  /** The sums before noise, in grid units: exact functions of private data. */
  long[] exactSums(Cohort cohort, float[] parameters) {
    RoundMechanism mechanism = cohort.grant().mechanism();
    RoundQuery query = mechanism.query();
    NoiseGrid grid = RoundGrid.of(mechanism).sum();
    long[] sums = new long[query.answerSize()];
    if (query instanceof CountHistogram) {
      long one = Math.min(grid.largestCoordinate(), grid.towardsZero(1));
      for (UserCounts counts : cohort.counts()) {
        for (int bin = 0; bin < sums.length; bin++) {
          sums[bin] += counts.users().get(bin) * one;
        }
      }
    } else if (query instanceof NormHistograms norms) {
      for (int candidate = 0; candidate < norms.groupSizes().size(); candidate++) {
        addNorms(norms, candidate, cohort.samples(), parameters, grid, sums);
      }
    } else {
      throw new IllegalArgumentException("a measurement is needed but granted is " + query);
    }
    return sums;
  }

  private void addNorms(
      NormHistograms query,
      int candidate,
      List<UserSample> samples,
      float[] parameters,
      NoiseGrid grid,
      long[] sums) {
    int groupSize = query.groupSizes().get(candidate);
    Set<String> users = new HashSet<>();
    List<PrivacySlice> slices =
        samples.stream()
            .filter(sample -> users.add(sample.userId()))
            .map(
                sample ->
                    new PrivacySlice(
                        sample
                            .examples()
                            .subList(0, Math.min(groupSize, sample.examples().size()))))
            .toList();
    for (double norm : engine.norms(parameters, slices)) {
      NormHistogram.add(query, candidate, norm, grid, sums);
    }
  }
}
