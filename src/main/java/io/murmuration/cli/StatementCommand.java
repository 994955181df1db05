package io.murmuration.cli;

import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.release.Guarantee;
import java.io.PrintWriter;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code murmuration statement}: the guarantee in words, for a privacy review. */
@Command(
    name = "statement",
    mixinStandardHelpOptions = true,
    description = "The guarantee in words for a review: what is protected, assumed and released.")
final class StatementCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
  @Mixin private MechanismOptions mechanism;
  @Mixin private NoiseOption noise;
  @Mixin private RoundsOption rounds;
  @Mixin private AccountantOptions accountant;
  @Mixin private AccountingOutput output;

  @Option(names = "--delta", required = true, description = "The guarantee's delta, in (0, 1).")
  private double delta;

  @Option(
      names = "--horizon",
      description =
          "The budget is each user's: --rounds are those that one user's words influence.")
  private boolean ofLifetimes;

  @Override
  public Integer call() {
    PldAccountant pld = accountant.create();
    if (ofLifetimes && mechanism.bands() > 1) {
      throw new ParameterException(
          spec.commandLine(),
          "--horizon counts rounds, and with --bands users take turns: give one of them");
    }
    double epsilon =
        AccountingOutput.checked(
            spec,
            () -> pld.epsilon(mechanism.with(noise.noiseMultiplier()), rounds.rounds(), delta));
    Map<String, Object> statement = mechanism.describe();
    statement.put("noise_multiplier", noise.noiseMultiplier());
    statement.put("rounds", rounds.rounds());
    statement.put("epsilon", epsilon);
    statement.put("delta", delta);
    statement.put("promise", promise());
    statement.put("unit", Guarantee.UNIT);
    statement.put("relation", Guarantee.RELATION);
    statement.put("mechanism", mechanismInWords());
    statement.put("released", Guarantee.RELEASED);
    statement.put(
        "assumptions", Guarantee.ASSUMPTIONS.stream().map(Guarantee.Assumption::sentence).toList());
    statement.put("computed", computedInWords(pld));
    if (output.json()) {
      output.print(spec, statement);
    } else {
      print(statement, epsilon);
    }
    return 0;
  }

  private String promise() {
    return ofLifetimes
        ? Guarantee.promise(
            Optional.of(
                new Horizon(
                    /* generation= */ 1, Math.max(1, rounds.rounds()), /* firstRound= */ 1)))
        : Guarantee.PROMISE_OF_THE_DOMAIN;
  }

  private String mechanismInWords() {
    boolean uls = mechanism.sampler() == Sampler.ULS;
    String inTurns =
        mechanism.bands() == 1
            ? ""
            : " over all rounds, %d times that in one round of %d, the user's turn, and in no other"
                .formatted(mechanism.bands(), mechanism.bands());
    String correlated =
        mechanism.bands() == 1
            ? ""
            : ", which is correlated over %d rounds,".formatted(mechanism.bands());
    String sampled =
        uls
            ? "each user takes part independently with probability "
                + mechanism.samplingProbability()
                + inTurns
                + "; the mean gradient over up to a fixed number of a user's examples is clipped"
            : "each pooled example takes part independently with probability "
                + mechanism.samplingProbability()
                + inTurns
                + "; a user has at most "
                + mechanism.groupSize()
                + " examples in the pool; each example's gradient is clipped";
    return "in each round "
        + sampled
        + " to an L2 norm C, Gaussian noise of standard deviation "
        + noise.noiseMultiplier()
        + "·C"
        + correlated
        + " is added to the sum, and the sum is divided by a public constant";
  }

  private static String computedInWords(PldAccountant pld) {
    return "privacy loss distributions of the dominating pair in both directions, discretised by"
        + " connecting the dots, composed by a tilted FFT; truncation and rounding errors are"
        + " added to delta, so epsilon is an upper bound, to a relative precision of about "
        + AccountingOutput.text(pld.precision());
  }

  private void print(Map<String, Object> statement, double epsilon) {
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        "%s everything released is (ε = %s, δ = %s)-differentially private.%n",
        ofLifetimes ? "For ever," : "After %d rounds".formatted(rounds.rounds()),
        Guarantee.epsilonRoundedUp(epsilon),
        AccountingOutput.text(delta));
    out.printf("%s%n%n", statement.get("promise"));
    out.printf("Protected unit: %s.%n", Guarantee.UNIT);
    out.printf("Neighbouring relation: %s.%n", Guarantee.RELATION);
    out.printf("Released: %s.%n", Guarantee.RELEASED);
    out.printf("Mechanism: %s.%n", statement.get("mechanism"));
    out.printf("Computed from: %s.%n%n", statement.get("computed"));
    out.println("This holds if:");
    Guarantee.ASSUMPTIONS.forEach(assumption -> out.printf("- %s.%n", assumption.sentence()));
    out.println(
        "- The parameters above were fixed in advance or computed from releases charged"
            + " before.");
    out.flush();
  }
}
