package io.murmuration.training;

import io.murmuration.calibration.NormHistogram;
import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.UserCounts;
import io.murmuration.contribution.UserSample;
import io.murmuration.event.Example;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;
import io.murmuration.privacy.noise.NoiseGrid;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Adds up one round's part of a cohort on the round's grid: clipped updates, or the histograms of a
 * calibration. Exact: noise is added once, to the sum over all workers.
 *
 * <table>
 * <caption>What one user adds, at most</caption>
 * <tr><td>an update</td><td>one clipped vector (ULS), or one an example (ELS)</td></tr>
 * <tr><td>counts</td><td>1 in one bin, or nothing: C = 1</td></tr>
 * <tr><td>norms at J candidates</td><td>weight 1 in each of J histograms: C = √J</td></tr>
 * <tr><td>a gradient that is not finite, a text that fails</td><td>nothing, or nothing at that
 *     candidate</td></tr>
 * <tr><td>a second record of a user in one round</td><td>nothing: it is dropped. All records of a
 *     user come to one worker</td></tr>
 * </table>
 *
 * <p>Used by one thread.
 */
public final class CohortSummation {

  private final GradientEngine engine;
  private final float[] parameters;
  private final Grant grant;
  private final RoundMechanism mechanism;
  private final RoundGrid grid;
  private final Set<String> users = new HashSet<>();

  /** The sum of updates; null in a calibration. */
  private final ClippedAccumulator updates;

  /** The sum of histograms; null in training. */
  private final long[] histograms;

  /**
   * @param parameters at which gradients are taken, flat; not modified
   * @param grant what is summed up is taken from it alone
   */
  public CohortSummation(GradientEngine engine, float[] parameters, Grant grant) {
    this.engine = engine;
    this.parameters = parameters;
    this.grant = grant;
    this.mechanism = grant.mechanism();
    this.grid = RoundGrid.of(mechanism);
    boolean calibrates = mechanism.query().isCalibration();
    this.updates = calibrates ? null : new ClippedAccumulator(engine.layout().size(), grid);
    this.histograms = calibrates ? new long[mechanism.query().answerSize()] : null;
  }

  /**
   * Adds some records; those of another round or epoch are left out. How the cohort is cut into
   * calls changes no result beyond float rounding.
   *
   * @throws RoundInterruptedException if the thread is interrupted
   */
  public void add(List<CohortRecord> records) {
    List<UserSample> samples = new ArrayList<>();
    for (CohortRecord record : records) {
      if (record.epoch() != grant.epoch() || record.round() != grant.round()) {
        continue;
      }
      if (record instanceof UserSample sample) {
        if (users.add(sample.userId())) {
          samples.add(sample);
        }
      } else if (record instanceof UserCounts counts) {
        addCounts(counts);
      }
    }
    RoundQuery query = mechanism.query();
    if (query instanceof NormHistograms norms) {
      for (int candidate = 0; candidate < norms.groupSizes().size(); candidate++) {
        addNorms(norms, candidate, samples);
      }
    } else if (!query.isCalibration()) {
      engine.addTo(updates, parameters, PrivacySlices.of(mechanism, samples));
    }
  }

  private void addCounts(UserCounts counts) {
    if (!(mechanism.query() instanceof CountHistogram)) {
      throw new IllegalStateException(
          "counts came in a round that asks for " + mechanism.query().purpose());
    }
    NoiseGrid bins = grid.sum();
    long one = Math.min(bins.largestCoordinate(), bins.towardsZero(1));
    for (int bin = 0; bin < histograms.length; bin++) {
      histograms[bin] += counts.users().get(bin) * one;
    }
  }

  private void addNorms(NormHistograms query, int candidate, List<UserSample> samples) {
    int groupSize = query.groupSizes().get(candidate);
    List<PrivacySlice> slices = new ArrayList<>();
    for (UserSample sample : samples) {
      List<Example> examples = sample.examples();
      slices.add(new PrivacySlice(examples.subList(0, Math.min(groupSize, examples.size()))));
    }
    for (double norm : engine.norms(parameters, slices)) {
      NormHistogram.add(query, candidate, norm, grid.sum(), histograms);
    }
  }

  /** What was added. Nothing may be added afterwards. */
  public ClippedSum result() {
    return updates != null
        ? updates.result()
        : new ClippedSum(
            histograms,
            grid,
            /* slices= */ 0,
            /* clipped= */ 0,
            /* zeroed= */ 0,
            /* tokens= */ 0,
            /* centredBits= */ 0,
            /* lossSum= */ 0);
  }
}
