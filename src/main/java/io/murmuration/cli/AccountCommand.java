package io.murmuration.cli;

import io.murmuration.planning.HorizonPlan;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PoissonSubsampledGaussian;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.accounting.RdpAccountant;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code murmuration account}: ε of a mechanism after so many rounds at a δ, δ at an ε, or the
 * horizon that both afford.
 */
@Command(
    name = "account",
    mixinStandardHelpOptions = true,
    description = {
      "The (epsilon, delta) that a mechanism costs after so many rounds: given one of the two, the",
      "other. With --horizon: the most rounds that anybody's words may influence at both."
    })
final class AccountCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
  @Mixin private MechanismOptions mechanism;
  @Mixin private NoiseOption noise;
  @Mixin private AccountantOptions accountant;
  @Mixin private LifetimeOptions horizon;
  @Mixin private AccountingOutput output;

  @Option(
      names = {"--rounds", "-T"},
      converter = WholeNumber.Rounds.class,
      description = "Rounds of training, 0 to 10^9.")
  private Long rounds;

  @Option(names = "--delta", description = "Answer with epsilon at this delta.")
  private Double delta;

  @Option(names = "--epsilon", description = "Answer with delta at this epsilon.")
  private Double epsilon;

  @Option(
      names = "--expected-units",
      paramLabel = "UNITS",
      description =
          "With --horizon: users (uls) or examples (els) that a round expects; answers how many"
              + " new users a round keep it so.")
  private Double expectedUnits;

  @Override
  public Integer call() {
    Mechanism subject = mechanism.with(noise.noiseMultiplier());
    PldAccountant pld = accountant.create();
    Map<String, Object> answer = mechanism.describe();
    answer.put("noise_multiplier", noise.noiseMultiplier());
    if (horizon.isAsked()) {
      answerHorizon(subject, pld, answer);
    } else {
      answerCost(subject, pld, answer);
    }
    answer.put("relation", "add/remove one user");
    output.print(spec, answer);
    return 0;
  }

  private void answerHorizon(Mechanism subject, PldAccountant pld, Map<String, Object> answer) {
    require(
        mechanism.bands() == 1,
        "--horizon counts rounds, and with --bands users take turns: give one of them");
    require(
        epsilon != null && delta != null && rounds == null,
        "--horizon answers with rounds: give --epsilon and --delta, and no --rounds");
    PrivacyLoss share = AccountingOutput.checked(spec, () -> horizon.share(epsilon, delta));
    HorizonPlan afforded =
        AccountingOutput.checked(
            spec, () -> HorizonPlan.of(subject, share.epsilon(), share.delta(), pld));
    answer.put("horizon_rounds", afforded.rounds());
    answer.put("epsilon", afforded.epsilon());
    answer.put("epsilon_budget", epsilon);
    answer.put("delta", delta);
    if (horizon.generations() > 1) {
      answer.put("generations", horizon.generations());
      answer.put("epsilon_of_a_generation", share.epsilon());
      answer.put("delta_of_a_generation", share.delta());
    }
    AccountingOutput.checked(
        spec,
        () -> {
          horizon.describe(afforded, expectedUnits, answer);
          return answer;
        });
  }

  private void answerCost(Mechanism subject, PldAccountant pld, Map<String, Object> answer) {
    require(
        expectedUnits == null && !horizon.isSpecified(),
        "--expected-units, --round-interval and --generations belong to --horizon");
    require(rounds != null, "--rounds is required, or --horizon");
    require((epsilon == null) != (delta == null), "give either --epsilon or --delta");
    answer.put("rounds", rounds);
    if (delta != null) {
      answer.put(
          "epsilon", AccountingOutput.checked(spec, () -> pld.epsilon(subject, rounds, delta)));
      answer.put("delta", delta);
      if (subject instanceof PoissonSubsampledGaussian uls) {
        double rdp = RdpAccountant.empty().plus(uls, rounds).epsilon(delta);
        answer.put("epsilon_rdp_check", rdp);
      }
    } else {
      answer.put("epsilon", epsilon);
      answer.put(
          "delta", AccountingOutput.checked(spec, () -> pld.delta(subject, rounds, epsilon)));
    }
  }

  private void require(boolean holds, String rule) {
    if (!holds) {
      throw new ParameterException(spec.commandLine(), rule);
    }
  }
}
