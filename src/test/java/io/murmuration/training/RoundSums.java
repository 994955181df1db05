package io.murmuration.training;

import io.murmuration.contribution.CohortRecord;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.training.PartialSums.RoundSum;
import java.util.List;

/**
 * What one worker that has the whole cohort hands over, for tests of what follows.
 *
 * @param engine of the worker
 * @param parameters at which gradients are taken
 */
public record RoundSums(GradientEngine engine, float[] parameters) {

  /** The sum of a round. */
  public RoundSum of(Grant grant, List<? extends CohortRecord> cohort) {
    CohortSummation summation = new CohortSummation(engine, parameters, grant);
    summation.add(List.copyOf(cohort));
    return new RoundSum(grant, summation.result(), ParameterDigest.of(parameters));
  }
}
