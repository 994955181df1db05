package io.murmuration.cli;

import io.murmuration.chart.ChartFile;
import io.murmuration.config.HorizonOptions;
import io.murmuration.config.PrivacyOptions;
import io.murmuration.config.TrainingConfig;
import io.murmuration.config.TrainingOptions;
import io.murmuration.config.TrainingOptions.ParametersKind;
import io.murmuration.job.StepNoiseCheck;
import io.murmuration.planning.BoundChoice;
import io.murmuration.planning.BoundPlan;
import io.murmuration.planning.BoundPrediction;
import io.murmuration.planning.CountDistribution;
import io.murmuration.planning.FittedNorms;
import io.murmuration.planning.HorizonPlan;
import io.murmuration.planning.NoisePrediction;
import io.murmuration.planning.NormModel;
import io.murmuration.planning.PlanningTerms;
import io.murmuration.planning.RoundsComparison;
import io.murmuration.planning.StepNoise;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.release.ReleaseFormat;
import io.murmuration.storage.Location;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code murmuration plan}: the contribution bound, the sampler and the noise, chosen before
 * training.
 *
 * <p>Long because every public number of a plan is an option here.
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
final class PlanCommand implements Callable<Integer> {

  /** The largest bound that is looked at where none are named. */
  private static final int DEFAULT_LARGEST = 64;

  /** How options begin that only make sense where factors are trained. */
  private static final String LORA_OPTIONS = "training.lora.";

  @Spec private CommandSpec spec;
  @Mixin private PopulationOptions known;
  @Mixin private GuaranteeOptions guarantee;
  @Mixin private JobOptions job;
  @Mixin private AccountantOptions accountant;
  @Mixin private LifetimeOptions horizon;
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
      defaultValue = "" + RoundsComparison.RECOMMENDED,
      description =
          "Rounds of training. Default: ${DEFAULT-VALUE}, the fewest that were compared:"
              + " docs/utility.md.")
  private long rounds;

  @Option(
      names = {"--group-sizes", "-G"},
      converter = WholeNumber.GroupSize.class,
      split = ",",
      description =
          "Bounds to look at; the median count is added. Default: powers of two up to 64 that are"
              + " feasible, and the one that every user satisfies.")
  private List<Integer> groupSizes;

  @Option(
      names = "--model",
      paramLabel = "DIR",
      converter = LocationConverter.class,
      description =
          "Model to measure norms with, a path or a URI; the same as --set training.model=DIR.")
  private Location model;

  @Option(
      names = "--plot",
      paramLabel = "FILE",
      description = "Also draw the plan into a .svg or .png file.")
  private Path plot;

  @Option(
      names = "--write-config",
      paramLabel = "FILE",
      description = "Write those options with the recommended mechanism, ready for run --config.")
  private Path writeConfig;

  @Option(
      names = "--bands",
      paramLabel = "B|auto",
      defaultValue = "1",
      description =
          "Rounds over which noise is correlated, 1 for none; auto: what leaves the least noise."
              + " Default: ${DEFAULT-VALUE}.")
  private String bands;

  @Option(
      names = "--sampler",
      paramLabel = "uls|els",
      description = "Which of the two recommendations to write. Default: the one of less noise.")
  private Sampler sampler;

  @Override
  public Integer call() throws IOException {
    if (horizon.isSpecified() && !horizon.isAsked()) {
      throw new ParameterException(
          spec.commandLine(), "--round-interval and --generations belong to --horizon");
    }
    PrivacyLoss share =
        AccountingOutput.checked(spec, () -> horizon.share(guarantee.epsilon(), guarantee.delta()));
    PlanningTerms terms =
        AccountingOutput.checked(
            spec,
            () -> new PlanningTerms(population, compute, rounds, share.epsilon(), share.delta()));
    Optional<ChartFile> chart =
        AccountingOutput.checked(spec, () -> Optional.ofNullable(plot).map(ChartFile::at));
    known.read(badLines);
    Optional<CountDistribution> distribution = known.counts();
    List<Integer> candidates = candidates(terms, distribution);
    Map<String, String> given = withTrained(given(), terms, candidates);
    NormModel norm = known.norms(() -> trained(given));
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
    Optional<PlanBands> correlation =
        AccountingOutput.checked(spec, () -> correlation(terms, recommended.get()));
    Optional<PlanRounds> others =
        AccountingOutput.checked(spec, () -> others(terms, recommended.get()));
    print(plan, recommended.get(), correlation, others, given);
    sayNoise(recommended.get(), correlation, given);
    if (chart.isPresent()) {
      PlanPlot.write(chart.get(), plan);
    }
    if (writeConfig != null) {
      Map<String, String> complete =
          AccountingOutput.checked(
              spec, () -> settings(terms, recommended.get(), correlation, given));
      PlanSettings.write(writeConfig, complete, comment(terms));
    }
    return 0;
  }

  /**
   * Settings that also say what is trained, where that is known to be all parameters: decided by
   * the noise of the smallest bound, before norms are measured on what is trained.
   */
  private Map<String, String> withTrained(
      Map<String, String> given, PlanningTerms terms, List<Integer> candidates) throws IOException {
    boolean said =
        given.keySet().stream()
            .anyMatch(
                key ->
                    key.equals(TrainingOptions.PARAMETERS.key()) || key.startsWith(LORA_OPTIONS));
    if (said || !isHere(given)) {
      return given;
    }
    Map<String, String> all = new TreeMap<>(given);
    all.put(TrainingOptions.PARAMETERS.key(), ParametersKind.ALL.name());
    long parameters = StepNoiseCheck.trainedParameters(trained(all).orElseThrow());
    Optional<RoundMechanism> round =
        candidates.stream()
            .min(Integer::compare)
            .flatMap(
                smallest ->
                    new NoisePrediction(accountant.create())
                        .userLevel(terms, smallest, FittedNorms.ofDiversity(1, /* diversity= */ 0)))
            .map(BoundPrediction::mechanism);
    return parameters <= ReleaseFormat.MAX_PARAMETERS
            && round.isPresent()
            && new StepNoise(
                    round.get().noiseMultiplier(),
                    parameters,
                    round.get().expectedUnits(),
                    terms.rounds())
                .isBestWithAll()
        ? all
        : given;
  }

  /** Whether the model is named and on this machine. */
  private static boolean isHere(Map<String, String> given) {
    return Optional.ofNullable(given.get(TrainingOptions.MODEL.key()))
        .map(Location::of)
        .filter(model -> !model.isLocal() || Files.isDirectory(model.path()))
        .isPresent();
  }

  /** How noise may be correlated; empty where users have lifetimes, which count rounds. */
  private Optional<PlanBands> correlation(PlanningTerms terms, BoundPrediction recommended) {
    if (horizon.isAsked()) {
      if (!bands.equals("1")) {
        throw new IllegalArgumentException(
            "--horizon counts rounds, and with --bands users take turns: give one of them");
      }
      return Optional.empty();
    }
    return Optional.of(PlanBands.of(recommended.mechanism(), terms, bands, accountant.create()));
  }

  /** The same gradients in other rounds; empty where users have lifetimes: training has no end. */
  private Optional<PlanRounds> others(PlanningTerms terms, BoundPrediction recommended) {
    return horizon.isAsked()
        ? Optional.empty()
        : Optional.of(
            new PlanRounds(
                new RoundsComparison(accountant.create())
                    .candidates(recommended.mechanism(), terms)));
  }

  /** How many parameters are trained; empty where no model is at hand. */
  private OptionalLong parameters(Map<String, String> given) throws IOException {
    Optional<TrainingConfig> trained = isHere(given) ? trained(given) : Optional.empty();
    return trained.isEmpty()
        ? OptionalLong.empty()
        : OptionalLong.of(StepNoiseCheck.trainedParameters(trained.get()));
  }

  /** What a step's noise is against an update, where it is known what is trained. */
  private void sayNoise(
      BoundPrediction recommended, Optional<PlanBands> correlation, Map<String, String> given)
      throws IOException {
    OptionalLong parameters = parameters(given);
    if (parameters.isEmpty()) {
      return;
    }
    StepNoise noise =
        new StepNoise(
            // as independent noise that leaves as much in the models
            recommended.mechanism().noiseMultiplier()
                * correlation.map(one -> one.chosen().relative()).orElse(1.0),
            parameters.getAsLong(),
            recommended.mechanism().expectedUnits(),
            rounds);
    PrintWriter writer =
        noise.isHopeless() || output.json()
            ? spec.commandLine().getErr()
            : spec.commandLine().getOut();
    writer.println((noise.isHopeless() ? "warning: " : "") + noise);
    writer.flush();
  }

  private Map<String, String> settings(
      PlanningTerms terms,
      BoundPrediction recommended,
      Optional<PlanBands> correlation,
      Map<String, String> given) {
    return horizon.isAsked()
        ? PlanSettings.ofLifetimes(
            PrivacyLoss.budget("budget", guarantee.epsilon(), guarantee.delta()),
            horizon.generations(),
            recommended,
            given)
        : PlanSettings.of(
            terms,
            correlation.orElseThrow().with(recommended),
            correlation.orElseThrow().chosen().bands(),
            given);
  }

  private Map<String, String> given() {
    Map<String, String> given = AccountingOutput.checked(spec, job::settings);
    if (model != null) {
      given.put(TrainingOptions.MODEL.key(), model.toString());
    }
    if (horizon.isAsked()) {
      given.put(HorizonOptions.ENABLED.key(), "true");
      given.put(HorizonOptions.GENERATIONS.key(), String.valueOf(horizon.generations()));
    }
    return given;
  }

  private List<Integer> candidates(PlanningTerms terms, Optional<CountDistribution> distribution) {
    if (groupSizes != null) {
      return groupSizes;
    }
    List<Integer> candidates = new ArrayList<>(BoundChoice.candidates(terms, DEFAULT_LARGEST));
    distribution.map(CountDistribution::largest).ifPresent(candidates::add);
    return candidates;
  }

  /** What is trained; empty where no model is named. A schedule of its rate knows the rounds. */
  private Optional<TrainingConfig> trained(Map<String, String> given) {
    if (!given.containsKey(TrainingOptions.MODEL.key())) {
      return Optional.empty();
    }
    Map<String, String> all = new TreeMap<>(given);
    all.put(PrivacyOptions.ROUNDS.key(), String.valueOf(rounds));
    return Optional.of(AccountingOutput.checked(spec, () -> TrainingConfig.of(all)));
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
    return known.isMeasured() ? text + "\n" + PopulationOptions.UNACCOUNTED : text;
  }

  private void print(
      BoundPlan plan,
      BoundPrediction recommended,
      Optional<PlanBands> correlation,
      Optional<PlanRounds> others,
      Map<String, String> given)
      throws IOException {
    OptionalLong parameters = parameters(given);
    if (output.json()) {
      Map<String, Object> answer = describe(plan, recommended);
      others.ifPresent(one -> answer.put("other_rounds", one.describe()));
      correlation.ifPresent(one -> answer.put("noise_bands", one.describe(parameters)));
      AccountingOutput.printJson(spec.commandLine().getOut(), answer);
      return;
    }
    PrintWriter out = spec.commandLine().getOut();
    PlanTable.print(out, plan);
    out.printf(
        "recommended: %s%n", sampler == null ? PlanTable.reason(plan, recommended) : sampler);
    correlation.ifPresent(one -> one.print(out, parameters));
    others.ifPresent(one -> one.print(out));
    if (horizon.isAsked()) {
      out.printf("%nas a lifetime of each user, while training goes on for ever:%n");
      horizon(recommended)
          .forEach(
              (key, value) ->
                  out.printf("  %-20s %s%n", key.replace('_', ' '), AccountingOutput.text(value)));
    }
    if (known.isMeasured()) {
      out.printf("%n%s%n", PopulationOptions.UNACCOUNTED);
    }
    out.flush();
  }

  private Map<String, Object> describe(BoundPlan plan, BoundPrediction recommended) {
    Map<String, Object> answer = PlanJson.describe(plan, recommended);
    if (horizon.isAsked()) {
      answer.put("horizon", horizon(recommended));
    }
    if (known.isMeasured()) {
      answer.put("warning", PopulationOptions.UNACCOUNTED);
    }
    return answer;
  }

  /** The plan's rounds as a user's lifetime: what a round's noise affords. */
  private Map<String, Object> horizon(BoundPrediction recommended) {
    PrivacyLoss share = horizon.share(guarantee.epsilon(), guarantee.delta());
    HorizonPlan afforded =
        AccountingOutput.checked(
            spec,
            () ->
                HorizonPlan.of(
                    recommended.mechanism().accounted(),
                    share.epsilon(),
                    share.delta(),
                    accountant.create()));
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("horizon_rounds", afforded.rounds());
    answer.put("epsilon", afforded.epsilon());
    horizon.describe(afforded, recommended.mechanism().expectedUnits(), answer);
    return answer;
  }
}
