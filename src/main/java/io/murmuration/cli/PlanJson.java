package io.murmuration.cli;

import io.murmuration.planning.BoundPlan;
import io.murmuration.planning.BoundPrediction;
import io.murmuration.planning.PlanningTerms;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.release.Guarantee;
import java.util.LinkedHashMap;
import java.util.Map;

/** A plan for programs. */
final class PlanJson {

  private PlanJson() {}

  /**
   * The fields of a plan, in order.
   *
   * @param recommended one of the plan's predictions
   */
  static Map<String, Object> describe(BoundPlan plan, BoundPrediction recommended) {
    PlanningTerms terms = plan.terms();
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("population", terms.population());
    answer.put("compute", terms.compute());
    answer.put("rounds", terms.rounds());
    answer.put("epsilon", terms.epsilon());
    answer.put("delta", terms.delta());
    answer.put("relation", Guarantee.RELATION);
    answer.put("rows", plan.rows().stream().map(PlanJson::describe).toList());
    answer.put("uls", plan.userLevel().map(PlanJson::describe).orElse(null));
    answer.put("els", plan.exampleLevel().map(PlanJson::describe).orElse(null));
    answer.put("recommended", describe(recommended));
    return answer;
  }

  private static Map<String, Object> describe(BoundPlan.Row row) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("group_size", row.groupSize());
    fields.put("norm", row.norm());
    fields.put("uls", row.userLevel().map(PlanJson::describe).orElse(null));
    fields.put("els", row.exampleLevel().map(PlanJson::describe).orElse(null));
    row.kept()
        .ifPresent(
            kept -> {
              fields.put("examples_kept", kept.examples());
              fields.put("user_mass_kept", kept.userMass());
              fields.put("whole_users", kept.wholeUsers());
            });
    return fields;
  }

  private static Map<String, Object> describe(BoundPrediction prediction) {
    Map<String, Object> fields = new LinkedHashMap<>();
    boolean uls = prediction.sampler() == Sampler.ULS;
    fields.put("sampling", uls ? "uls" : "els");
    fields.put("group_size", prediction.groupSize());
    fields.put(uls ? "q" : "p", prediction.mechanism().samplingProbability());
    fields.put("noise_multiplier", prediction.mechanism().noiseMultiplier());
    fields.put("clip_norm", prediction.mechanism().clipNorm());
    fields.put("expected_units", prediction.mechanism().expectedUnits());
    fields.put("noise", prediction.noise());
    return fields;
  }
}
