package io.murmuration.experiment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.planning.BoundChoice;
import io.murmuration.planning.BoundPrediction;
import io.murmuration.planning.CountDistribution;
import io.murmuration.planning.MeasuredNorms;
import io.murmuration.planning.NoisePrediction;
import io.murmuration.planning.NormMeasurement;
import io.murmuration.planning.NormModel;
import io.murmuration.planning.PlanningTerms;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.mechanism.Sampler;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Held-out loss after private training at the same ε and compute: for ULS at the chosen bound,
 * half, double and the bound that every user satisfies; and for ELS at its median.
 *
 * <p>Every finished run is appended to a file of JSON lines and not run again, so an interrupted
 * experiment continues. The tables are printed from that file.
 */
@Command(name = "experiment", mixinStandardHelpOptions = true, showDefaultValues = true)
public final class BoundExperiment implements Callable<Integer> {

  private static final List<Integer> MEASURED = List.of(1, 2, 4, 8, 16, 32, 64);

  @Option(names = "--events", required = true)
  private Path events;

  @Option(names = "--model", required = true)
  private Path model;

  @Option(names = "--results", required = true, description = "JSON lines of finished runs.")
  private Path results;

  @Option(names = "--population", defaultValue = "4000", description = "Users to train on.")
  private int population;

  @Option(names = "--compute", split = ",", defaultValue = "256,1024", description = "B.")
  private List<Double> computes;

  @Option(names = "--epsilon", split = ",", defaultValue = "2,8")
  private List<Double> epsilons;

  @Option(names = "--delta", defaultValue = "1e-6")
  private double delta;

  @Option(names = "--rounds", defaultValue = "60")
  private long rounds;

  @Option(names = "--learning-rate", defaultValue = "0.004", description = "Of Adam, constant.")
  private double learningRate;

  @Option(names = "--seeds", defaultValue = "2", description = "Runs that are averaged.")
  private int seeds;

  @Option(names = "--held-out-users", defaultValue = "2000")
  private int heldOutUsers;

  @Option(names = "--held-out-texts", defaultValue = "1000")
  private int heldOutTexts;

  @Option(names = "--measured-users", defaultValue = "300", description = "Whose norms give C(G).")
  private int measuredUsers;

  @Option(
      names = "--bounds",
      description = "Also half, double and the largest bound for ULS, not only the chosen one.")
  private boolean bounds;

  /** Runs the experiment. */
  public static void main(String[] args) {
    System.exit(
        new CommandLine(new BoundExperiment())
            // the script's come first
            .setOverwrittenOptionsAllowed(true)
            .execute(args));
  }

  @Override
  public Integer call() throws IOException {
    ChatPopulation people = ChatPopulation.read(events, population, heldOutUsers, heldOutTexts);
    BoundChoice choice = new BoundChoice(new PldAccountant());
    try (TrainingRun training = new TrainingRun(model, people)) {
      List<NormMeasurement> measured = norms(training);
      NormModel norms = new MeasuredNorms(measured).completedByFit();
      describe(people, training, measured);
      for (double epsilon : epsilons) {
        for (double compute : computes) {
          PlanningTerms terms =
              new PlanningTerms(people.users().size(), compute, rounds, epsilon, delta);
          table(terms, rows(terms, choice, norms, people.counts()), people.counts(), training);
        }
      }
    }
    return 0;
  }

  private ResultsFile finished() {
    return new ResultsFile(results);
  }

  private List<NormMeasurement> norms(TrainingRun training) throws IOException {
    ObjectNode key = finished().newKey();
    key.put("what", "norms").put("population", population).put("users", measuredUsers);
    JsonNode known =
        finished()
            .once(
                key,
                row ->
                    training
                        .medianNorms(MEASURED, measuredUsers, /* seed= */ 1)
                        .forEach(one -> row.withArray("norms").add(one.norm())));
    return IntStream.range(0, MEASURED.size())
        .mapToObj(i -> new NormMeasurement(MEASURED.get(i), known.get("norms").get(i).asDouble()))
        .toList();
  }

  private static void describe(
      ChatPopulation people, TrainingRun training, List<NormMeasurement> measured) {
    System.out.printf(
        Locale.ROOT,
        "%d users, median %d examples, at most %d. Untouched model: %.4f nats a token.%nC(G):",
        people.users().size(),
        people.counts().median(),
        people.counts().largest(),
        training.startingLoss());
    measured.forEach(m -> System.out.printf(Locale.ROOT, " %d=%.4g", m.groupSize(), m.norm()));
    System.out.println();
  }

  /** What to run, by the name of its row. */
  private Map<String, BoundPrediction> rows(
      PlanningTerms terms, BoundChoice choice, NormModel norms, CountDistribution counts) {
    Map<String, BoundPrediction> rows = new LinkedHashMap<>();
    int chosen =
        choice.userLevel(terms, BoundChoice.candidates(terms, 64), norms).orElseThrow().groupSize();
    TreeSet<Integer> groupSizes = new TreeSet<>(List.of(chosen));
    if (bounds) {
      groupSizes.addAll(List.of(Math.max(1, chosen / 2), 2 * chosen, counts.largest()));
    }
    NoisePrediction prediction = new NoisePrediction(new PldAccountant());
    for (int groupSize : groupSizes) {
      Optional<BoundPrediction> bound = prediction.userLevel(terms, groupSize, norms);
      String name = groupSize == chosen ? "ULS, chosen" : "ULS";
      bound.ifPresent(one -> rows.put(name + " G = " + groupSize, one));
    }
    choice
        .exampleLevel(terms, counts, norms.norm(1))
        .ifPresent(one -> rows.put("ELS, median G = " + one.groupSize(), one));
    return rows;
  }

  private void table(
      PlanningTerms terms,
      Map<String, BoundPrediction> rows,
      CountDistribution counts,
      TrainingRun training)
      throws IOException {
    System.out.printf(
        Locale.ROOT,
        "%nε = %s, B = %.0f, T = %d, n = %d, learning rate %s, %d seeds%n%n",
        terms.epsilon(),
        terms.compute(),
        terms.rounds(),
        terms.population(),
        learningRate,
        seeds);
    System.out.println(
        "| bound | M or B | σ | C | predicted noise | examples kept | loss | runs |");
    System.out.println("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (Map.Entry<String, BoundPrediction> row : rows.entrySet()) {
      BoundPrediction bound = row.getValue();
      List<Double> losses = new ArrayList<>();
      for (int seed = 1; seed <= seeds; seed++) {
        losses.add(loss(terms, bound, training, seed));
      }
      System.out.printf(
          Locale.ROOT,
          "| %s | %.4g | %.3f | %.2f | %.4f | %.0f %% | %.3f | %s |%n",
          row.getKey(),
          bound.mechanism().expectedUnits(),
          bound.mechanism().noiseMultiplier(),
          bound.mechanism().clipNorm(),
          bound.noise(),
          100 * counts.kept(bound.groupSize()).examples(),
          losses.stream().mapToDouble(Double::doubleValue).average().orElseThrow(),
          String.join(
              " ", losses.stream().map(loss -> String.format(Locale.ROOT, "%.3f", loss)).toList()));
      System.out.flush();
    }
  }

  private double loss(PlanningTerms terms, BoundPrediction bound, TrainingRun training, int seed)
      throws IOException {
    ObjectNode key = finished().newKey();
    key.put("what", "run").put("population", terms.population()).put("compute", terms.compute());
    key.put("rounds", terms.rounds()).put("epsilon", terms.epsilon()).put("delta", terms.delta());
    key.put("sampler", bound.sampler() == Sampler.ULS ? "uls" : "els");
    key.put("groupSize", bound.groupSize()).put("learningRate", learningRate).put("seed", seed);
    key.put("clipNorm", Math.round(bound.mechanism().clipNorm() * 1e6) / 1e6);
    return finished()
        .once(
            key,
            row -> {
              TrainingRun.Result result = training.train(bound, terms.rounds(), learningRate, seed);
              row.put("noiseMultiplier", bound.mechanism().noiseMultiplier());
              row.put("noise", bound.noise()).put("loss", result.loss());
              row.put("gradients", result.gradients()).put("clipped", result.clipped());
              row.put("seconds", result.seconds());
            })
        .get("loss")
        .asDouble();
  }
}
