package io.murmuration.cli;

import io.murmuration.planning.BoundPlan;
import io.murmuration.planning.BoundPrediction;
import io.murmuration.planning.PlanningTerms;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.release.Guarantee;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;

/** A plan for people: a row for each bound, and what is chosen of them. */
final class PlanTable {

  private PlanTable() {}

  /** Prints the terms, the rows and the two choices. */
  static void print(PrintWriter out, BoundPlan plan) {
    PlanningTerms terms = plan.terms();
    out.printf(
        "%d users, %s gradients a round, %d rounds, epsilon %s, delta %s%n(%s)%n%n",
        terms.population(),
        AccountingOutput.text(terms.compute()),
        terms.rounds(),
        AccountingOutput.text(terms.epsilon()),
        AccountingOutput.text(terms.delta()),
        Guarantee.RELATION);
    out.printf(
        "%6s %8s | %9s %9s %9s %10s | %9s %9s %10s | %8s %8s %8s%n",
        "G",
        "C(G)",
        "ULS q",
        "cohort",
        "sigma",
        "noise",
        "ELS p",
        "sigma",
        "noise",
        "examples",
        "mass",
        "users");
    for (BoundPlan.Row row : plan.rows()) {
      out.printf(
          "%6d %8s | %9s %9s %9s %10s | %9s %9s %10s | %8s %8s %8s%n",
          row.groupSize(),
          number(row.norm()),
          cell(row.userLevel(), one -> one.mechanism().samplingProbability()),
          cell(row.userLevel(), one -> one.mechanism().expectedUnits()),
          cell(row.userLevel(), one -> one.mechanism().noiseMultiplier()),
          cell(row.userLevel(), BoundPrediction::noise),
          cell(row.exampleLevel(), one -> one.mechanism().samplingProbability()),
          cell(row.exampleLevel(), one -> one.mechanism().noiseMultiplier()),
          cell(row.exampleLevel(), BoundPrediction::noise),
          row.kept().map(kept -> percent(kept.examples())).orElse(""),
          row.kept().map(kept -> percent(kept.userMass())).orElse(""),
          row.kept().map(kept -> percent(kept.wholeUsers())).orElse(""));
    }
    out.printf(
        "%nnoise: standard deviation on each coordinate of the averaged update. examples: share"
            + " kept of all;%nmass: mean over users of the share kept of theirs; users: share of"
            + " whom all is kept; for all of training (ELS),%nof a sampled user in one round (ULS)."
            + " -: infeasible.%n%n");
    say(out, "ULS, least noise", plan.userLevel());
    say(out, "ELS, median count", plan.exampleLevel());
  }

  /** Why one of the two choices is recommended. */
  static String reason(BoundPlan plan, BoundPrediction recommended) {
    if (plan.userLevel().isEmpty() || plan.exampleLevel().isEmpty()) {
      return recommended.sampler() + ", the other is infeasible or its counts are unknown";
    }
    BoundPrediction other =
        recommended.sampler() == Sampler.ULS ? plan.exampleLevel().get() : plan.userLevel().get();
    return "%s, whose noise is %s of the other's; noise alone does not decide utility"
        .formatted(recommended.sampler(), percent(recommended.noise() / other.noise()));
  }

  private static void say(PrintWriter out, String rule, Optional<BoundPrediction> prediction) {
    out.printf(
        "%-18s %s%n",
        rule + ":",
        prediction
            .map(
                one ->
                    "G = %d, probability %s, noise multiplier %s, clip norm %s, expected units %s"
                        .formatted(
                            one.groupSize(),
                            number(one.mechanism().samplingProbability()),
                            AccountingOutput.text(one.mechanism().noiseMultiplier()),
                            number(one.mechanism().clipNorm()),
                            number(one.mechanism().expectedUnits())))
            .orElse("infeasible, or counts are unknown"));
  }

  private static String cell(
      Optional<BoundPrediction> prediction, Function<BoundPrediction, Double> value) {
    return prediction.map(value).map(PlanTable::number).orElse("-");
  }

  /** Four digits, as in all tables of a plan. */
  static String number(double value) {
    return String.format(Locale.ROOT, "%.4g", value);
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f%%", 100 * share);
  }
}
