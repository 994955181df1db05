package io.murmuration.experiment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.experiment.TrainingRun.Trained;
import io.murmuration.model.LoraConfig;
import io.murmuration.planning.NoiseCorrelation;
import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.training.LearningRateSchedule;
import io.murmuration.training.LearningRateSchedule.Decay;
import io.murmuration.training.OptimizerOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * The yardstick of utility: held-out loss after training a public model on a public chat at a
 * budget, beside the untouched model and training without privacy by the same code. 2,000 users are
 * held out and measured on 2,000 messages, one message a user in turn; 15,000 others are trained
 * on.
 *
 * <p>Every finished trial is appended to a file of JSON lines and not run again.
 */
@Command(name = "utility", mixinStandardHelpOptions = true, showDefaultValues = true)
public final class UtilityExperiment implements Callable<Integer> {

  /**
   * Training without privacy by the same code: clipped as the others, with the least noise that its
   * grid has, about a hundredth of what privacy asks for.
   */
  private static final double NO_NOISE = 0.01;

  /** Losses are kept so many times in a trial. */
  private static final int MEASUREMENTS = 6;

  @Option(names = "--events", required = true)
  private Path events;

  @Option(names = "--model", required = true)
  private Path model;

  @Option(names = "--results", required = true, description = "JSON lines of finished trials.")
  private Path results;

  @Option(names = "--population", defaultValue = "15000", description = "Users to train on.")
  private int population;

  @Option(names = "--held-out-users", defaultValue = "2000")
  private int heldOutUsers;

  @Option(names = "--held-out-texts", defaultValue = "2000")
  private int heldOutTexts;

  @Option(names = "--epsilon", split = ",", defaultValue = "8,2")
  private List<Double> epsilons;

  @Option(names = "--delta", defaultValue = "1e-6")
  private double delta;

  @Option(names = "--cohort", split = ",", defaultValue = "1024", description = "M.")
  private List<Double> cohorts;

  @Option(
      names = "--group-size",
      split = ",",
      defaultValue = "1",
      description = "G: most messages of a sampled user in a round.")
  private List<Integer> groupSizes;

  @Option(
      names = "--bands",
      split = ",",
      defaultValue = "1",
      description = "Rounds over which noise is correlated; wants a higher rate.")
  private List<Integer> bands;

  @Option(names = "--rounds", split = ",", defaultValue = "150", description = "T.")
  private List<Long> rounds;

  @Option(
      names = "--stop-after",
      description = "Execute only so many of the planned rounds, to compare beginnings.")
  private Long stopAfter;

  @Option(
      names = "--trained",
      split = ",",
      defaultValue = "b:8,all",
      description = "all, b:RANK (B of LoRA) or both:RANK.")
  private List<String> trained;

  @Option(
      names = "--learning-rate",
      split = ",",
      description = "Highest rates to try; 0.012 for factors and 0.003 for all if not given.")
  private List<Double> learningRates;

  @Option(
      names = "--schedule",
      split = ",",
      defaultValue = "cosine",
      description = "cosine (to 2 %), constant, or average (constant, averaged iterates).")
  private List<String> schedules;

  @Option(names = "--clip-norm", split = ",", defaultValue = "1")
  private List<Double> clipNorms;

  @Option(names = "--beta2", defaultValue = "0.99", description = "Of Adam.")
  private double beta2;

  @Option(names = "--seeds", defaultValue = "1", description = "Runs that are averaged.")
  private int seeds;

  @Option(
      names = "--non-private",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description = "Also train with next to no noise: what recovery is measured against.")
  private boolean nonPrivate;

  @Option(
      names = "--measure",
      split = ",",
      paramLabel = "DIR",
      description =
          "Train nothing; measure these model directories, for example releases of the job.")
  private List<Path> measured;

  /** Runs the experiment. */
  public static void main(String[] args) {
    System.exit(
        new CommandLine(new UtilityExperiment())
            // the script's come first
            .setOverwrittenOptionsAllowed(true)
            .execute(args));
  }

  @Override
  public Integer call() throws IOException {
    ChatPopulation people = ChatPopulation.read(events, population, heldOutUsers, heldOutTexts);
    if (measured != null) {
      for (Path directory : measured) {
        try (TrainingRun released = new TrainingRun(directory, people, Trained.ALL)) {
          System.out.printf(Locale.ROOT, "%s %.4f%n", directory, released.startingLoss());
        }
      }
      return 0;
    }
    ResultsFile finished = new ResultsFile(results);
    Map<Trial, List<JsonNode>> rows = new LinkedHashMap<>();
    double untouched = Double.NaN;
    for (Trained what : trained.stream().map(UtilityExperiment::trained).toList()) {
      try (TrainingRun training = new TrainingRun(model, people, what)) {
        untouched = training.startingLoss();
        for (Trial trial : trials(what)) {
          List<JsonNode> runs = new ArrayList<>();
          for (int seed = 1; seed <= seeds; seed++) {
            runs.add(run(finished, training, trial, people.users().size(), seed));
          }
          rows.put(trial, runs);
        }
      }
    }
    print(rows, untouched);
    return 0;
  }

  /**
   * One row of the table.
   *
   * @param epsilon infinite without privacy
   */
  private record Trial(
      Trained what,
      double epsilon,
      double cohort,
      int groupSize,
      int bands,
      long rounds,
      double clipNorm,
      String schedule,
      double learningRate) {

    boolean isPrivate() {
      return epsilon < Double.POSITIVE_INFINITY;
    }

    @Override
    public String toString() {
      return "%s | %s | %.0f | %d | %d | %d | %s | %s %s"
          .formatted(
              isPrivate() ? epsilon : "–",
              what,
              cohort,
              groupSize,
              bands,
              rounds,
              clipNorm,
              learningRate,
              schedule);
    }
  }

  private List<Trial> trials(Trained what) {
    List<Trial> trials = new ArrayList<>();
    List<Double> budgets = new ArrayList<>(epsilons);
    if (nonPrivate) {
      budgets.add(Double.POSITIVE_INFINITY);
    }
    List<Double> rates =
        learningRates != null ? learningRates : List.of(what.mode() == null ? 0.003 : 0.012);
    for (double epsilon : budgets) {
      boolean isPrivate = epsilon < Double.POSITIVE_INFINITY;
      for (double cohort : cohorts) {
        for (int groupSize : groupSizes) {
          for (int correlated : isPrivate ? bands : List.of(1)) {
            for (long planned : rounds) {
              for (double clipNorm : clipNorms) {
                for (String schedule : schedules) {
                  for (double rate : rates) {
                    trials.add(
                        new Trial(
                            what,
                            epsilon,
                            cohort,
                            groupSize,
                            correlated,
                            planned,
                            clipNorm,
                            schedule,
                            rate));
                  }
                }
              }
            }
          }
        }
      }
    }
    return trials;
  }

  private static Trained trained(String text) {
    String[] parts = text.split(":", -1);
    return switch (parts[0]) {
      case "all" -> Trained.ALL;
      case "b" -> Trained.loraB(Integer.parseInt(parts[1]));
      case "both" -> new Trained(LoraConfig.Mode.BOTH, Integer.parseInt(parts[1]));
      default ->
          throw new IllegalArgumentException(
              "--trained must be all, b:RANK or both:RANK but is " + text);
    };
  }

  private JsonNode run(ResultsFile finished, TrainingRun training, Trial trial, int users, int seed)
      throws IOException {
    long executed = stopAfter == null ? trial.rounds() : Math.min(stopAfter, trial.rounds());
    ObjectNode key = finished.newKey();
    key.put("population", users)
        .put("heldOutTexts", heldOutTexts)
        .put("trained", "" + trial.what());
    key.put("epsilon", trial.isPrivate() ? trial.epsilon() : -1).put("delta", delta);
    key.put("cohort", trial.cohort()).put("groupSize", trial.groupSize());
    key.put("bands", trial.bands());
    key.put("rounds", trial.rounds()).put("executed", executed);
    key.put("clipNorm", trial.clipNorm()).put("schedule", trial.schedule());
    key.put("learningRate", trial.learningRate()).put("beta2", beta2).put("seed", seed);
    return finished.once(
        key,
        row -> {
          double q = trial.cohort() / users;
          double noise =
              trial.isPrivate()
                  ? new NoiseCalibration(new PldAccountant())
                      .noiseMultiplier(
                          Sampler.ULS.accounted(
                              q, trial.groupSize(), /* noiseMultiplier= */ 1, trial.bands()),
                          trial.rounds(),
                          trial.epsilon(),
                          delta)
                  : NO_NOISE;
          RoundMechanism independent =
              new RoundMechanism(
                  Sampler.ULS, q, trial.groupSize(), noise, trial.clipNorm(), trial.cohort());
          RoundMechanism mechanism =
              trial.bands() == 1
                  ? independent
                  : independent.withCorrelatedNoise(
                      NoiseCorrelation.of(
                          trial.bands(), trial.rounds(), SimulatedSampling.TURN_KEY.fingerprint()));
          ArrayNode curve = row.putArray("curve");
          TrainingRun.Result result =
              training.train(
                  mechanism,
                  optimizer(trial),
                  executed,
                  seed,
                  (round, loss) -> {
                    if (round % Math.max(1, trial.rounds() / MEASUREMENTS) == 0) {
                      double now = loss.getAsDouble();
                      curve.addObject().put("round", round).put("loss", now);
                      System.err.printf(
                          Locale.ROOT, "%s, seed %d: round %d %.4f%n", trial, seed, round, now);
                    }
                  });
          row.put("noiseMultiplier", noise).put("loss", result.loss());
          row.put("clipped", result.clipped()).put("seconds", result.seconds());
        });
  }

  private OptimizerOptions optimizer(Trial trial) {
    LearningRateSchedule rate =
        trial.schedule().equals("cosine")
            ? new LearningRateSchedule(
                trial.learningRate(),
                Decay.COSINE,
                /* warmupRounds= */ 0,
                trial.rounds(),
                /* floorFraction= */ 0.02)
            : LearningRateSchedule.constant(trial.learningRate());
    OptimizerOptions adam =
        new OptimizerOptions.AdamW(
            rate, /* beta1= */ 0.9, beta2, /* epsilon= */ 1e-8, /* weightDecay= */ 0);
    return trial.schedule().equals("average")
        ? new OptimizerOptions.Averaged(adam, /* decay= */ 0.95)
        : adam;
  }

  private void print(Map<Trial, List<JsonNode>> rows, double untouched) {
    double best =
        rows.entrySet().stream()
            .filter(row -> !row.getKey().isPrivate())
            .mapToDouble(row -> mean(row.getValue()))
            .min()
            .orElse(Double.NaN);
    System.out.printf(
        Locale.ROOT,
        "Untouched model: %.4f nats a token on %d messages; best without privacy: %.4f.%n%n",
        untouched,
        heldOutTexts,
        best);
    System.out.println(
        "| ε | trained | M | G | bands | T | C | rate | σ | loss | spread | recovery |");
    System.out.println("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    rows.forEach(
        (trial, runs) -> {
          double mean = mean(runs);
          double spread =
              runs.stream()
                  .mapToDouble(run -> Math.abs(run.get("loss").asDouble() - mean))
                  .max()
                  .orElseThrow();
          System.out.printf(
              Locale.ROOT,
              "| %s | %s | %.4f | ±%.4f | %s |%n",
              trial,
              trial.isPrivate()
                  ? String.format(
                      Locale.ROOT, "%.3f", runs.get(0).get("noiseMultiplier").asDouble())
                  : "0",
              mean,
              spread,
              Double.isNaN(best)
                  ? "–"
                  : String.format(
                      Locale.ROOT, "%.0f %%", 100 * (untouched - mean) / (untouched - best)));
        });
  }

  private static double mean(List<JsonNode> runs) {
    return runs.stream().mapToDouble(run -> run.get("loss").asDouble()).average().orElseThrow();
  }
}
