package io.murmuration.planning;

import io.murmuration.privacy.accounting.PldAccountant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The rules that choose the bound (Charles et al., arXiv 2407.07737): for ULS the minimiser of the
 * predicted noise, for ELS the median number of examples per user.
 */
public final class BoundChoice {

  private final NoisePrediction prediction;

  /** Chooses by this accountant. */
  public BoundChoice(PldAccountant accountant) {
    this.prediction = new NoisePrediction(accountant);
  }

  /**
   * Bounds worth looking at: 1, 2, 4, … up to a limit, those whose expected cohort is neither more
   * than the population nor less than one user; and the smallest of all that are feasible.
   *
   * @param limit the largest bound, ≥ 1
   */
  public static List<Integer> candidates(PlanningTerms terms, int limit) {
    double smallest = Math.max(1, Math.ceil(terms.compute() / terms.population()));
    TreeSet<Integer> candidates = new TreeSet<>();
    if (smallest <= limit) {
      candidates.add((int) smallest);
    }
    for (long groupSize = 1; groupSize <= limit && groupSize <= terms.compute(); groupSize *= 2) {
      if (groupSize >= smallest) {
        candidates.add((int) groupSize);
      }
    }
    return List.copyOf(candidates);
  }

  /** The noise of ULS at each candidate that is feasible, in their order. */
  public List<BoundPrediction> userLevelPredictions(
      PlanningTerms terms, List<Integer> candidates, NormModel norms) {
    return candidates.stream()
        .flatMap(groupSize -> prediction.userLevel(terms, groupSize, norms).stream())
        .toList();
  }

  /** The noise of ELS at each candidate that is feasible, in their order. */
  public List<BoundPrediction> exampleLevelPredictions(
      PlanningTerms terms, List<Integer> candidates, CountDistribution counts, double exampleNorm) {
    return candidates.stream()
        .flatMap(groupSize -> exampleLevel(terms, groupSize, counts, exampleNorm).stream())
        .toList();
  }

  private Optional<BoundPrediction> exampleLevel(
      PlanningTerms terms, int groupSize, CountDistribution counts, double exampleNorm) {
    return prediction.exampleLevel(terms, groupSize, counts.meanKept(groupSize), exampleNorm);
  }

  /** ULS: the candidate of the least predicted noise, the smaller of two equals. */
  public Optional<BoundPrediction> userLevel(
      PlanningTerms terms, List<Integer> candidates, NormModel norms) {
    return leastNoise(userLevelPredictions(terms, candidates, norms));
  }

  /** Chooses the prediction of the least noise, the smaller bound of two equals. */
  public static Optional<BoundPrediction> leastNoise(List<BoundPrediction> predictions) {
    return predictions.stream()
        .min(
            Comparator.comparingDouble(BoundPrediction::noise)
                .thenComparingInt(BoundPrediction::groupSize));
  }

  /** ELS: the median count, or empty if the pools would be too small for the compute. */
  public Optional<BoundPrediction> exampleLevel(
      PlanningTerms terms, CountDistribution counts, double exampleNorm) {
    return exampleLevel(terms, counts.median(), counts, exampleNorm);
  }

  /**
   * Chooses the sampler of less noise, each at its own bound; ULS of two equals. The per-coordinate
   * noise of both is on the same scale: each is an average over users or examples of gradients of
   * the mean loss.
   */
  public static Optional<BoundPrediction> lessNoise(
      Optional<BoundPrediction> userLevel, Optional<BoundPrediction> exampleLevel) {
    List<BoundPrediction> both = new ArrayList<>();
    Stream.of(userLevel, exampleLevel).forEach(one -> one.ifPresent(both::add));
    return both.stream().min(Comparator.comparingDouble(BoundPrediction::noise));
  }
}
