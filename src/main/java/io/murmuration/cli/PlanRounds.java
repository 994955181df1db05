package io.murmuration.cli;

import io.murmuration.planning.RoundsComparison.Candidate;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What the same gradients come to in fewer rounds or in more.
 *
 * @param candidates by rounds; one of them is the plan
 */
record PlanRounds(List<Candidate> candidates) {

  /** Prints a row for each number of rounds. */
  void print(PrintWriter out) {
    out.printf(
        "%nthe same gradients in other rounds, with independent noise:%n%10s %10s %10s %9s %9s%n",
        "rounds", "units", "q or p", "sigma", "noise");
    for (Candidate one : candidates) {
      out.printf(
          "%10d %10s %10s %9s %8.1f%%%n",
          one.rounds(),
          PlanTable.number(one.mechanism().expectedUnits()),
          PlanTable.number(one.mechanism().samplingProbability()),
          PlanTable.number(one.mechanism().noiseMultiplier()),
          100 * one.relative());
    }
    out.printf(
        "noise: of all rounds together (one round's over the root of their number), of the plan's."
            + " Fewer rounds have%nless of it, and a model needs steps: docs/utility.md.%n");
  }

  /** The same for programs. */
  List<Map<String, Object>> describe() {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (Candidate one : candidates) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("rounds", one.rounds());
      row.put("expected_units", one.mechanism().expectedUnits());
      row.put("probability", one.mechanism().samplingProbability());
      row.put("noise_multiplier", one.mechanism().noiseMultiplier());
      row.put("relative_noise", one.relative());
      rows.add(row);
    }
    return rows;
  }
}
