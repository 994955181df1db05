package io.murmuration.cli;

import io.murmuration.chart.ChartFile;
import io.murmuration.config.ConfigFile;
import io.murmuration.config.PrivacyOptions;
import io.murmuration.config.TrainingConfig;
import io.murmuration.config.TrainingOptions;
import io.murmuration.event.EventsByUser;
import io.murmuration.event.Example;
import io.murmuration.event.avro.Interaction;
import io.murmuration.job.StepNoiseCheck;
import io.murmuration.planning.BoundChoice;
import io.murmuration.planning.BoundPlan;
import io.murmuration.planning.BoundPrediction;
import io.murmuration.planning.CountDistribution;
import io.murmuration.planning.FittedNorms;
import io.murmuration.planning.Horizon;
import io.murmuration.planning.MeasuredNorms;
import io.murmuration.planning.NormMeasurement;
import io.murmuration.planning.NormModel;
import io.murmuration.planning.PlanningTerms;
import io.murmuration.planning.StepNoise;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.release.Guarantee;
import io.murmuration.rounds.GradientSurvey;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.Function;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code murmuration plan}: the contribution bound, the sampler and the noise, chosen before
 * training.
 */
@Command(
    name = "plan",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Predicts the noise of each contribution bound at the same compute and the same guarantee,"
          + " for",
      "user-level and example-level sampling, recommends a bound, and writes a configuration for"
          + " run.",
      "How gradients shrink with the bound comes from --events and --model, --norms or"
          + " --diversity;",
      "how many examples users have from --events, --counts or --count-quantiles.",
      "docs/bounds.md explains the method."
    })
public final class PlanCommand implements Callable<Integer> {

  /** Said wherever numbers come from a look at events. */
  static final String UNACCOUNTED =
      "Counts or gradients were measured on events without noise. That is free of charge for public"
          + " or proxy data only: on the private stream itself such a look spends privacy that no"
          + " ledger records. Use calibration in the stream there.";

  /** Norms are measured up to here and fitted beyond; each costs a gradient per example. */
  private static final int LARGEST_MEASURED = 64;

  private static final int DEFAULT_LARGEST = 64;

  @Spec private CommandSpec spec;
  @Mixin private AccountantOptions accountant;
  @Mixin private HorizonOptions horizon;
  @Mixin private AccountingOutput output;
  @Mixin private BadLineOptions badLines;

  @Option(
      names = {"--population", "-n"},
      required = true,
      converter = WholeNumber.Population.class,
      description = "Users to plan for: a public constant, never a count of the private data.")
  private long population;

  @Option(
      names = {"--compute", "-B"},
      required = true,
      description = "Gradients of single examples in a round, expected, whatever the bound.")
  private double compute;

  @Option(
      names = {"--rounds", "-T"},
      converter = WholeNumber.Rounds.class,
      required = true,
      description = "Rounds of training.")
  private long rounds;

  @Option(names = "--epsilon", required = true, description = "The guarantee's epsilon, > 0.")
  private double epsilon;

  @Option(names = "--delta", required = true, description = "The guarantee's delta, in (0, 1).")
  private double delta;

  @Option(
      names = {"--group-sizes", "-G"},
      converter = WholeNumber.GroupSize.class,
      split = ",",
      description =
          "Bounds to look at; the median count is added. Default: powers of two up to 64 that are"
              + " feasible, and the one that every user satisfies.")
  private List<Integer> groupSizes;

  @Option(
      names = "--events",
      paramLabel = "FILE",
      description =
          "Public or proxy events, JSON lines with user_id, event_time and text, plain or .gz:"
              + " counts of users, and with --model norms.")
  private Path events;

  @Option(
      names = "--model",
      paramLabel = "DIR",
      description = "Model to measure norms with; the same as --set training.model=DIR.")
  private Path model;

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

  @Option(
      names = "--plot",
      paramLabel = "FILE",
      description = "Also draw the plan into a .svg or .png file.")
  private Path plot;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "YAML file of options, what --write-config builds on.")
  private Path config;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "An option; wins over the file; repeatable.")
  private Map<String, String> settings = new LinkedHashMap<>();

  @Option(
      names = "--write-config",
      paramLabel = "FILE",
      description = "Write those options with the recommended mechanism, ready for run --config.")
  private Path writeConfig;

  @Option(
      names = "--sampler",
      paramLabel = "uls|els",
      description = "Which of the two recommendations to write. Default: the one of less noise.")
  private Sampler sampler;

  @Override
  public Integer call() throws IOException {
    PlanningTerms terms =
        AccountingOutput.checked(
            spec, () -> new PlanningTerms(population, compute, rounds, epsilon, delta));
    Optional<ChartFile> chart =
        AccountingOutput.checked(spec, () -> Optional.ofNullable(plot).map(ChartFile::at));
    Map<String, String> given = given();
    Map<String, List<Interaction>> users =
        events == null ? Map.of() : EventsByUser.read(events, /* bots= */ false, badLines::reject);
    Optional<CountDistribution> distribution =
        AccountingOutput.checked(spec, () -> distribution(users));
    List<Integer> candidates = candidates(terms, distribution);
    NormModel norm = normModel(given, users);
    BoundPlan plan =
        AccountingOutput.checked(
            spec, () -> BoundPlan.of(terms, candidates, norm, distribution, accountant.create()));
    Optional<BoundPrediction> recommended = recommended(plan);
    if (recommended.isEmpty()) {
      throw new ParameterException(
          spec.commandLine(),
          "no bound is feasible: %d users%s cannot give %s gradients a round; lower --compute"
              .formatted(
                  population,
                  sampler == null ? "" : " by " + sampler,
                  AccountingOutput.text(compute)));
    }
    print(plan, recommended.get());
    sayNoise(recommended.get(), given);
    if (chart.isPresent()) {
      PlanPlot.write(chart.get(), plan);
    }
    if (writeConfig != null) {
      Map<String, String> complete =
          AccountingOutput.checked(spec, () -> PlanSettings.of(terms, recommended.get(), given));
      PlanSettings.write(writeConfig, complete, comment(terms));
    }
    return 0;
  }

  /** What a step's noise is against an update, where it is known what is trained. */
  private void sayNoise(BoundPrediction recommended, Map<String, String> given) throws IOException {
    if (!given.containsKey(TrainingOptions.MODEL.key())
        || !Files.isDirectory(Path.of(given.get(TrainingOptions.MODEL.key())))) {
      return;
    }
    TrainingConfig training =
        AccountingOutput.checked(spec, () -> TrainingConfig.of(training(given)));
    StepNoise noise =
        new StepNoise(
            recommended.mechanism().noiseMultiplier(),
            StepNoiseCheck.trainedParameters(training),
            recommended.mechanism().expectedUnits(),
            rounds);
    PrintWriter writer =
        noise.isHopeless() || output.json()
            ? spec.commandLine().getErr()
            : spec.commandLine().getOut();
    writer.println((noise.isHopeless() ? "warning: " : "") + noise);
    writer.flush();
  }

  private Map<String, String> given() {
    Map<String, String> given = new TreeMap<>();
    if (config != null) {
      given.putAll(AccountingOutput.checked(spec, () -> ConfigFile.read(config)));
    }
    given.putAll(settings);
    if (model != null) {
      given.put(TrainingOptions.MODEL.key(), model.toString());
    }
    return given;
  }

  private Optional<CountDistribution> distribution(Map<String, List<Interaction>> users) {
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

  private List<Integer> candidates(PlanningTerms terms, Optional<CountDistribution> distribution) {
    if (groupSizes != null) {
      return groupSizes;
    }
    List<Integer> candidates = new ArrayList<>(BoundChoice.candidates(terms, DEFAULT_LARGEST));
    distribution.map(CountDistribution::largest).ifPresent(candidates::add);
    return candidates;
  }

  private NormModel normModel(Map<String, String> given, Map<String, List<Interaction>> users)
      throws IOException {
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
    if (users.isEmpty() || !given.containsKey(TrainingOptions.MODEL.key())) {
      throw new ParameterException(
          spec.commandLine(),
          "how gradients shrink with the bound is required: --events and --model, --norms or"
              + " --diversity");
    }
    if (sample < 1) {
      throw new ParameterException(
          spec.commandLine(), "--sample must be at least 1 user but is " + sample);
    }
    TrainingConfig training =
        AccountingOutput.checked(spec, () -> TrainingConfig.of(training(given)));
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
                training, examples, sample, measured, new SplittableRandom(seed)::nextLong))
        .completedByFit();
  }

  /** A schedule of the learning rate needs to know the rounds. */
  private Map<String, String> training(Map<String, String> given) {
    Map<String, String> all = new TreeMap<>(given);
    all.put(PrivacyOptions.ROUNDS.key(), String.valueOf(rounds));
    return all;
  }

  private Optional<BoundPrediction> recommended(BoundPlan plan) {
    if (sampler == null) {
      return plan.recommended();
    }
    return sampler == Sampler.ULS ? plan.userLevel() : plan.exampleLevel();
  }

  private String comment(PlanningTerms terms) {
    String text =
        "Written by murmuration plan for %d users, %s gradients a round, %d rounds, epsilon %s, delta %s."
            .formatted(
                terms.population(),
                AccountingOutput.text(terms.compute()),
                terms.rounds(),
                AccountingOutput.text(terms.epsilon()),
                AccountingOutput.text(terms.delta()));
    return events == null ? text : text + "\n" + UNACCOUNTED;
  }

  private void print(BoundPlan plan, BoundPrediction recommended) {
    if (output.json()) {
      AccountingOutput.printJson(spec.commandLine().getOut(), describe(plan, recommended));
      return;
    }
    PrintWriter out = spec.commandLine().getOut();
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
    out.printf("recommended: %s%n", sampler == null ? reason(plan, recommended) : sampler);
    if (horizon.isAsked()) {
      out.printf("%nas a lifetime of each user, while training goes on for ever:%n");
      horizon(recommended)
          .forEach(
              (key, value) ->
                  out.printf("  %-20s %s%n", key.replace('_', ' '), AccountingOutput.text(value)));
    }
    if (events != null) {
      out.printf("%n%s%n", UNACCOUNTED);
    }
    out.flush();
  }

  /** The plan's rounds as a user's lifetime: what a round's noise affords. */
  private Map<String, Object> horizon(BoundPrediction recommended) {
    Horizon afforded =
        AccountingOutput.checked(
            spec,
            () ->
                Horizon.of(
                    recommended.mechanism().accounted(), epsilon, delta, accountant.create()));
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("horizon_rounds", afforded.rounds());
    answer.put("epsilon", afforded.epsilon());
    horizon.describe(afforded, recommended.mechanism().expectedUnits(), answer);
    return answer;
  }

  private static String reason(BoundPlan plan, BoundPrediction recommended) {
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
    return prediction.map(value).map(PlanCommand::number).orElse("-");
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.4g", value);
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f%%", 100 * share);
  }

  private Map<String, Object> describe(BoundPlan plan, BoundPrediction recommended) {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("population", population);
    answer.put("compute", compute);
    answer.put("rounds", rounds);
    answer.put("epsilon", epsilon);
    answer.put("delta", delta);
    answer.put("relation", Guarantee.RELATION);
    answer.put("rows", plan.rows().stream().map(PlanCommand::describe).toList());
    answer.put("uls", plan.userLevel().map(PlanCommand::describe).orElse(null));
    answer.put("els", plan.exampleLevel().map(PlanCommand::describe).orElse(null));
    answer.put("recommended", describe(recommended));
    if (horizon.isAsked()) {
      answer.put("horizon", horizon(recommended));
    }
    if (events != null) {
      answer.put("warning", UNACCOUNTED);
    }
    return answer;
  }

  private static Map<String, Object> describe(BoundPlan.Row row) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("group_size", row.groupSize());
    fields.put("norm", row.norm());
    fields.put("uls", row.userLevel().map(PlanCommand::describe).orElse(null));
    fields.put("els", row.exampleLevel().map(PlanCommand::describe).orElse(null));
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
