package io.murmuration.cli;

import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.release.Guarantee;
import java.io.PrintWriter;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code murmuration calibrate}: the smallest noise or the most rounds that a budget affords. */
@Command(
    name = "calibrate",
    mixinStandardHelpOptions = true,
    description = {
      "What a budget (epsilon, delta) affords: given --rounds, the smallest noise multiplier;",
      "given --noise-multiplier, the most rounds."
    })
final class CalibrateCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
  @Mixin private MechanismOptions mechanism;
  @Mixin private GuaranteeOptions guarantee;
  @Mixin private AccountantOptions accountant;
  @Mixin private AccountingOutput output;

  @ArgGroup(multiplicity = "1")
  private Given given;

  /** Which of the two is given. */
  static final class Given {
    @Option(
        names = {"--rounds", "-T"},
        converter = WholeNumber.Rounds.class,
        required = true,
        description = "Answer with the smallest noise multiplier for so many rounds.")
    Long rounds;

    @Option(
        names = {"--noise-multiplier", "--sigma"},
        required = true,
        paramLabel = "SIGMA",
        description = "Answer with the most rounds at this noise multiplier.")
    Double noiseMultiplier;
  }

  @Override
  public Integer call() {
    NoiseCalibration calibration = new NoiseCalibration(accountant.create());
    Mechanism subject = mechanism.with(given.noiseMultiplier == null ? 1 : given.noiseMultiplier);
    Map<String, Object> answer = mechanism.describe();
    AccountingOutput.checked(
        spec,
        () -> {
          double sigma =
              given.rounds == null
                  ? given.noiseMultiplier
                  : calibration.noiseMultiplier(
                      subject, given.rounds, guarantee.epsilon(), guarantee.delta());
          PhaseAccountant phase =
              calibration.phase(
                  subject.withNoiseMultiplier(sigma), guarantee.epsilon(), guarantee.delta());
          long rounds = given.rounds == null ? phase.affordableRounds() : given.rounds;
          answer.put("noise_multiplier", sigma);
          answer.put("rounds", rounds);
          answer.put("epsilon", phase.epsilonAfter(rounds));
          return answer;
        });
    answer.put("epsilon_budget", guarantee.epsilon());
    answer.put("delta", guarantee.delta());
    answer.put("relation", Guarantee.RELATION);
    output.print(spec, answer);
    if (Long.valueOf(0).equals(answer.get("rounds"))) {
      PrintWriter err = spec.commandLine().getErr();
      err.println(
          "not even one round is afforded: raise --noise-multiplier, --epsilon or --delta, or lower"
              + " the probability; --rounds in place of --noise-multiplier says how much noise one"
              + " takes");
      err.flush();
    }
    return 0;
  }
}
