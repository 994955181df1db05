package io.murmuration.cli;

import io.murmuration.planning.BandChoice;
import io.murmuration.planning.BandChoice.Candidate;
import io.murmuration.planning.BoundPrediction;
import io.murmuration.planning.PlanningTerms;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;

/**
 * What correlated noise would do for a recommended bound, and the number of bands that is planned.
 *
 * @param candidates by bands, the first with independent noise
 * @param chosen one of them
 */
record PlanBands(List<Candidate> candidates, Candidate chosen) {

  /** Asks for the number that leaves the least noise. */
  static final String AUTO = "auto";

  /**
   * Looks at each number of bands that is possible.
   *
   * @param independent the recommended round, with independent noise
   * @param asked the number to plan with, or {@link #AUTO} for the one that leaves the least noise
   * @throws IllegalArgumentException if that is none of them
   */
  static PlanBands of(
      RoundMechanism independent, PlanningTerms terms, String asked, PldAccountant accountant) {
    List<Candidate> candidates =
        new BandChoice(accountant)
            .candidates(independent, terms.rounds(), terms.epsilon(), terms.delta());
    if (asked.equals(AUTO)) {
      return new PlanBands(candidates, BandChoice.best(candidates));
    }
    Candidate chosen =
        candidates.stream()
            .filter(one -> asked.equals(Integer.toString(one.bands())))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "--bands must be one of %s, powers of two within the rounds and within 1 over the sampling probability, or auto, but is %s"
                            .formatted(candidates.stream().map(Candidate::bands).toList(), asked)));
    return new PlanBands(candidates, chosen);
  }

  /** The recommended round with the noise that its bands need, not yet correlated. */
  BoundPrediction with(BoundPrediction recommended) {
    RoundMechanism independent = recommended.mechanism();
    return chosen.bands() == 1
        ? recommended
        : BoundPrediction.of(independent.withNoiseMultiplier(chosen.noiseMultiplier()));
  }

  /**
   * Prints a row for each number of bands, and which is planned.
   *
   * @param parameters how many are trained; empty where no model is known
   */
  void print(PrintWriter out, OptionalLong parameters) {
    out.printf(
        "%n%6s %10s %9s %9s %9s %16s%n", "bands", "in turn", "sigma", "error", "noise", "buffer");
    for (Candidate one : candidates) {
      out.printf(
          "%6d %10s %9s %9s %9s %16s%n",
          one.bands(),
          PlanTable.number(one.probabilityInTurn()),
          PlanTable.number(one.noiseMultiplier()),
          PlanTable.number(one.error()),
          String.format(Locale.ROOT, "%.1f%%", 100 * one.relative()),
          parameters.isPresent()
              ? "%d bytes".formatted(one.bufferBytes(parameters.getAsLong()))
              : (one.bands() - 1) + "·8·P");
    }
    out.printf(
        "%nbands: rounds over which noise is correlated. in turn: probability in a round of the"
            + " user's turn. error: what noise of 1%ncomes to in the models of all rounds. noise:"
            + " sigma times error, of that of independent noise. buffer: kept by the trainer.%n"
            + "planned: %s%n",
        chosen.bands() == 1
            ? "independent noise"
            : "noise correlated over %d rounds".formatted(chosen.bands()));
  }

  /** The same for programs. */
  Map<String, Object> describe(OptionalLong parameters) {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (Candidate one : candidates) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("bands", one.bands());
      row.put("probability_in_turn", one.probabilityInTurn());
      row.put("noise_multiplier", one.noiseMultiplier());
      row.put("error", one.error());
      row.put("relative_noise", one.relative());
      parameters.ifPresent(count -> row.put("buffer_bytes", one.bufferBytes(count)));
      rows.add(row);
    }
    Map<String, Object> described = new LinkedHashMap<>();
    described.put("candidates", rows);
    described.put("planned", chosen.bands());
    return described;
  }
}
