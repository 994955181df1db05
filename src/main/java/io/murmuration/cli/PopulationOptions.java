package io.murmuration.cli;

import io.murmuration.config.TrainingConfig;
import io.murmuration.event.EventsByUser;
import io.murmuration.event.Example;
import io.murmuration.event.avro.Interaction;
import io.murmuration.planning.CountDistribution;
import io.murmuration.planning.FittedNorms;
import io.murmuration.planning.MeasuredNorms;
import io.murmuration.planning.NormMeasurement;
import io.murmuration.planning.NormModel;
import io.murmuration.rounds.GradientSurvey;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Supplier;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * What is known of those to plan for: how many examples users have, and how gradients shrink with
 * the bound. Both are measured on public or proxy events, or known otherwise.
 */
final class PopulationOptions {

  /** What is said wherever numbers come from a look at events. */
  static final String UNACCOUNTED =
      "Counts or gradients were measured on events without noise. That is free of charge for public"
          + " or proxy data only: on the private stream itself such a look spends privacy that no"
          + " ledger records. Use calibration in the stream there.";

  /** Norms are measured up to here and fitted beyond; each costs a gradient per example. */
  private static final int LARGEST_MEASURED = 64;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--events",
      paramLabel = "FILE",
      description =
          "Public or proxy events, JSON lines with user_id, event_time and text, plain or .gz:"
              + " counts of users, and with --model norms.")
  private Path events;

  @Option(
      names = "--sample",
      paramLabel = "USERS",
      defaultValue = "200",
      description = "Users whose gradients are measured. Default: ${DEFAULT-VALUE}.")
  private int sample;

  @Option(
      names = "--seed",
      defaultValue = "1",
      description = "Of that sample. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @ArgGroup(multiplicity = "0..1")
  private Norms norms;

  /** Norms that are known otherwise. */
  static final class Norms {
    @Option(
        names = "--norms",
        required = true,
        split = ",",
        paramLabel = "G=NORM",
        description = "Typical norms of a user's mean gradient over G examples, at two or more G.")
    Map<Integer, Double> measured;

    @Option(
        names = "--diversity",
        required = true,
        paramLabel = "B2/A2",
        description =
            "b²/a² of C(G)² = a² + b²/G: 0 if a user's examples all say the same, large if they"
                + " have little in common.")
    Double diversity;
  }

  @Option(
      names = "--example-norm",
      paramLabel = "NORM",
      defaultValue = "1",
      description = "With --diversity: C(1). Default: ${DEFAULT-VALUE}.")
  private double exampleNorm;

  @ArgGroup(multiplicity = "0..1")
  private Counts counts;

  /** Counts that are known otherwise. */
  static final class Counts {
    @Option(
        names = "--counts",
        required = true,
        split = ",",
        paramLabel = "COUNT=WEIGHT",
        description = "Examples per user, and how many users or which share of them has so many.")
    Map<Integer, Double> weights;

    @Option(
        names = "--count-quantiles",
        required = true,
        split = ",",
        paramLabel = "SHARE=COUNT",
        description = "Quantiles of examples per user, for example 0.5=4,0.9=28,1=2500.")
    Map<Double, Integer> quantiles;
  }

  private Map<String, List<Interaction>> users = Map.of();

  /** Reads the events, if any are given; called once, before anything else is asked. */
  void read(BadLineOptions badLines) throws IOException {
    if (events != null) {
      users = EventsByUser.read(events, /* bots= */ false, badLines::reject);
    }
  }

  /** Whether anything comes from a look at events. */
  boolean isMeasured() {
    return events != null;
  }

  /** How many examples users have; empty where nothing says it. */
  Optional<CountDistribution> counts() {
    return AccountingOutput.checked(spec, this::distribution);
  }

  private Optional<CountDistribution> distribution() {
    if (counts != null && counts.weights != null) {
      return Optional.of(CountDistribution.ofWeights(counts.weights));
    }
    if (counts != null) {
      return Optional.of(CountDistribution.ofQuantiles(new TreeMap<>(counts.quantiles)));
    }
    return users.isEmpty()
        ? Optional.empty()
        : Optional.of(CountDistribution.ofCounts(users.values().stream().mapToInt(List::size)));
  }

  /**
   * How gradients shrink with the bound.
   *
   * @param training with what norms are measured; asked only where they are, empty without a model
   * @throws ParameterException if nothing says it
   */
  NormModel norms(Supplier<Optional<TrainingConfig>> training) throws IOException {
    if (norms != null && norms.diversity != null) {
      return AccountingOutput.checked(
          spec, () -> FittedNorms.ofDiversity(exampleNorm, norms.diversity));
    }
    if (norms != null) {
      return AccountingOutput.checked(
          spec,
          () ->
              new MeasuredNorms(
                      norms.measured.entrySet().stream()
                          .map(entry -> new NormMeasurement(entry.getKey(), entry.getValue()))
                          .toList())
                  .completedByFit());
    }
    Optional<TrainingConfig> trained = users.isEmpty() ? Optional.empty() : training.get();
    if (trained.isEmpty()) {
      throw new ParameterException(
          spec.commandLine(),
          "how gradients shrink with the bound is required: --events and --model, --norms or"
              + " --diversity");
    }
    if (sample < 1) {
      throw new ParameterException(
          spec.commandLine(), "--sample must be at least 1 user but is " + sample);
    }
    List<Integer> measured = new ArrayList<>();
    for (int groupSize = 1; groupSize <= LARGEST_MEASURED; groupSize *= 2) {
      measured.add(groupSize);
    }
    List<List<Example>> examples =
        users.values().stream()
            .map(
                user ->
                    user.stream()
                        .map(event -> new Example(event.getPrompt(), event.getText()))
                        .toList())
            .toList();
    return new MeasuredNorms(
            GradientSurvey.medianNorms(
                trained.get(), examples, sample, measured, new SplittableRandom(seed)::nextLong))
        .completedByFit();
  }
}
