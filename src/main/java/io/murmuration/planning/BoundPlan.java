package io.murmuration.planning;

import io.murmuration.privacy.accounting.PldAccountant;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/**
 * All bounds side by side, and what the rules make of them.
 *
 * @param terms what was fixed before
 * @param rows each bound once, ascending
 * @param userLevel ULS at the bound of the least noise; empty if no bound is feasible
 * @param exampleLevel ELS at the median count; empty if that is infeasible or counts are unknown
 */
public record BoundPlan(
    PlanningTerms terms,
    List<Row> rows,
    Optional<BoundPrediction> userLevel,
    Optional<BoundPrediction> exampleLevel) {

  /**
   * One bound.
   *
   * @param groupSize G
   * @param norm C(G)
   * @param userLevel empty if infeasible
   * @param exampleLevel empty if infeasible or counts are unknown
   * @param kept empty if counts are unknown
   */
  public record Row(
      int groupSize,
      double norm,
      Optional<BoundPrediction> userLevel,
      Optional<BoundPrediction> exampleLevel,
      Optional<DataKept> kept) {}

  /**
   * Predicts every bound.
   *
   * @param groupSizes bounds to look at; the median count is added
   * @param norms known at all of them, and at 1
   * @param counts empty if unknown: ULS needs none
   */
  public static BoundPlan of(
      PlanningTerms terms,
      List<Integer> groupSizes,
      NormModel norms,
      Optional<CountDistribution> counts,
      PldAccountant accountant) {
    NoisePrediction prediction = new NoisePrediction(accountant);
    TreeSet<Integer> all = new TreeSet<>(groupSizes);
    counts.map(CountDistribution::median).ifPresent(all::add);
    List<Row> rows =
        all.stream()
            .map(
                groupSize ->
                    new Row(
                        groupSize,
                        norms.norm(groupSize),
                        prediction.userLevel(terms, groupSize, norms),
                        counts.flatMap(
                            known ->
                                prediction.exampleLevel(
                                    terms, groupSize, known.meanKept(groupSize), norms.norm(1))),
                        counts.map(known -> known.kept(groupSize))))
            .toList();
    return new BoundPlan(
        terms,
        rows,
        BoundChoice.leastNoise(rows.stream().flatMap(row -> row.userLevel().stream()).toList()),
        rows.stream()
            .filter(row -> counts.isPresent() && row.groupSize() == counts.get().median())
            .flatMap(row -> row.exampleLevel().stream())
            .findFirst());
  }

  /** The sampler of less predicted noise, each at its own bound. */
  public Optional<BoundPrediction> recommended() {
    return BoundChoice.lessNoise(userLevel, exampleLevel);
  }
}
