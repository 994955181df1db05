package io.murmuration.cli;

import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PoissonSubsampledGaussian;
import io.murmuration.privacy.accounting.RdpAccountant;
import io.murmuration.release.Guarantee;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code murmuration account}: ε of a mechanism after so many rounds at a δ, or δ at an ε. */
@Command(
    name = "account",
    mixinStandardHelpOptions = true,
    description = "The (epsilon, delta) that a mechanism costs after so many rounds.")
public final class AccountCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
  @Mixin private MechanismOptions mechanism;
  @Mixin private AccountantOptions accountant;
  @Mixin private AccountingOutput output;

  @Option(
      names = {"--noise-multiplier", "--sigma"},
      required = true,
      paramLabel = "SIGMA",
      description = "The noise's standard deviation in units of the clip norm.")
  private double noiseMultiplier;

  @Option(
      names = {"--rounds", "-T"},
      converter = WholeNumber.Rounds.class,
      required = true,
      description = "Rounds of training, 0 to 10^9.")
  private long rounds;

  @ArgGroup(multiplicity = "1")
  private Question question;

  /** Which of the two is given. */
  static final class Question {
    @Option(names = "--delta", required = true, description = "Answer with epsilon at this delta.")
    Double delta;

    @Option(
        names = "--epsilon",
        required = true,
        description = "Answer with delta at this epsilon.")
    Double epsilon;
  }

  @Override
  public Integer call() {
    Mechanism subject = mechanism.with(noiseMultiplier);
    PldAccountant pld = accountant.create();
    Map<String, Object> answer = mechanism.describe();
    answer.put("noise_multiplier", noiseMultiplier);
    answer.put("rounds", rounds);
    if (question.delta != null) {
      double epsilon =
          AccountingOutput.checked(spec, () -> pld.epsilon(subject, rounds, question.delta));
      answer.put("epsilon", epsilon);
      answer.put("delta", question.delta);
      if (subject instanceof PoissonSubsampledGaussian uls) {
        double rdp = RdpAccountant.empty().plus(uls, rounds).epsilon(question.delta);
        answer.put("epsilon_rdp_check", rdp);
      }
    } else {
      double delta =
          AccountingOutput.checked(spec, () -> pld.delta(subject, rounds, question.epsilon));
      answer.put("epsilon", question.epsilon);
      answer.put("delta", delta);
    }
    answer.put("relation", Guarantee.RELATION);
    output.print(spec, answer);
    return 0;
  }
}
