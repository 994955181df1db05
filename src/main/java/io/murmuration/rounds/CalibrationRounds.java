package io.murmuration.rounds;

import io.murmuration.calibration.CalibrationChoice;
import io.murmuration.calibration.CalibrationSchedule;
import io.murmuration.calibration.CalibrationTerms;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;
import io.murmuration.release.CalibrationOutcome;
import io.murmuration.release.CalibrationOutcome.BudgetSplit;
import io.murmuration.release.CalibrationOutcome.JointBudget;
import io.murmuration.training.RoundGrid;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * What is published of a calibration; a function of its noised numbers and of the configuration.
 *
 * @param phases which follows from them
 * @param terms that the schedule rests on
 */
public record CalibrationRounds(CalibrationSchedule phases, CalibrationTerms terms)
    implements Serializable {

  /** The outcome of a round of this mechanism. */
  CalibrationOutcome outcome(RoundMechanism mechanism, List<Double> answer) {
    RoundQuery query = mechanism.query();
    double deviation = RoundGrid.of(mechanism).sum().deviation();
    boolean last = phases.measurements().size() == 1;
    RoundMechanism chosen = last ? phases.trainingAfter(mechanism, answer).orElse(null) : null;
    boolean isSeparate = !phases.isJoint(mechanism) && phases.isSeparate(mechanism);
    BudgetSplit split = isSeparate ? split(terms) : null;
    JointBudget joint = isSeparate ? null : joint(terms, phases, phases.isJoint(mechanism));
    if (query instanceof CountHistogram counts) {
      return new CalibrationOutcome(
          "counts",
          counts.upperBounds().stream().map(Integer::doubleValue).toList(),
          /* candidates= */ null,
          List.of(answer),
          deviation,
          CalibrationChoice.medianCount(counts, answer),
          /* typicalNorms= */ null,
          chosen,
          split,
          joint);
    }
    NormHistograms norms = (NormHistograms) query;
    List<Double> centres = new ArrayList<>();
    for (int bin = 0; bin < norms.bins(); bin++) {
      centres.add(norms.smallestNorm() * Math.pow(norms.ratio(), bin));
    }
    List<List<Double>> histograms = new ArrayList<>();
    for (int candidate = 0; candidate < norms.groupSizes().size(); candidate++) {
      histograms.add(answer.subList(candidate * norms.bins(), (candidate + 1) * norms.bins()));
    }
    return new CalibrationOutcome(
        "norms",
        centres,
        norms.groupSizes(),
        histograms,
        deviation,
        /* medianCount= */ null,
        CalibrationChoice.norms(norms, answer, terms.normQuantile()),
        chosen,
        split,
        joint);
  }

  /**
   * What is reserved, as releases of models state it: true of a ledger that reserves jointly and of
   * one whose phases reserve for themselves.
   */
  public static String budgetInWords(CalibrationTerms terms) {
    return ("The budget (ε, δ) = (%s, %s) is for calibrations and training, %d times each; the"
            + " ledger says what was reserved in advance for each, or for all of them together.")
        .formatted(terms.budget().epsilon(), terms.budget().delta(), terms.cycles());
  }

  /**
   * What is reserved jointly, as calibrations state it.
   *
   * @param isWhole whether it is the whole budget of these terms, or what was before a raise
   */
  private static JointBudget joint(
      CalibrationTerms terms, CalibrationSchedule phases, boolean isWhole) {
    return new JointBudget(
        isWhole ? Double.valueOf(terms.budget().epsilon()) : null,
        isWhole ? Double.valueOf(terms.budget().delta()) : null,
        terms.cycles() * phases.measurements().size(),
        terms.retries(),
        terms.cycles(),
        terms.trainingRounds(),
        phases.trainingOptions());
  }

  /** How the budget is split where phases reserve for themselves. */
  private static BudgetSplit split(CalibrationTerms terms) {
    int perCycle = terms.counts() != null && terms.norms() != null ? 2 : 1;
    return new BudgetSplit(
        terms.measurementShare().epsilon(),
        terms.measurementShare().delta(),
        terms.attempts(),
        terms.cycles() * perCycle,
        terms.trainingShare().epsilon(),
        terms.trainingShare().delta(),
        terms.cycles());
  }
}
