package io.murmuration.cli;

import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options that name a mechanism but for its noise: sampler, probability, group size. */
final class MechanismOptions {

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--sampling",
      paramLabel = "uls|els",
      description = "uls: users are sampled; els: examples are. Default: els with --p, else uls.")
  private Sampler sampler;

  @ArgGroup(multiplicity = "1")
  private Probability probability;

  /** Which of them is given. */
  static final class Probability {
    @Option(
        names = "--q",
        required = true,
        paramLabel = "PROBABILITY",
        description = "uls: the chance in (0, 1] that a user takes part in a round.")
    Double user;

    @Option(
        names = "--p",
        required = true,
        paramLabel = "PROBABILITY",
        description = "els: the chance in (0, 1] that an example takes part in a round.")
    Double example;

    @Option(
        names = "--sampling-probability",
        required = true,
        paramLabel = "PROBABILITY",
        description = "The one of the two that --sampling asks for.")
    Double either;
  }

  @Option(
      names = {"--group-size", "-G"},
      converter = WholeNumber.GroupSize.class,
      paramLabel = "G",
      description =
          "els: the most examples that one user has in the pool; required. uls: does not matter.")
  private Integer groupSize;

  @Option(
      names = "--bands",
      defaultValue = "1",
      paramLabel = "B",
      description =
          "Over how many rounds noise is correlated; the probability is that over all rounds, and B"
              + " times that in a user's turn. Default: ${DEFAULT-VALUE}, independent noise.")
  private int bands;

  /**
   * The sampler that is asked for.
   *
   * @throws ParameterException if it contradicts the probability's name: the two guarantees differ
   *     too much to guess which one is meant
   */
  Sampler sampler() {
    Sampler named =
        probability.example != null ? Sampler.ELS : probability.user != null ? Sampler.ULS : null;
    if (sampler != null && named != null && sampler != named) {
      throw new ParameterException(
          spec.commandLine(),
          sampler == Sampler.ULS
              ? "--p is the probability of an example but --sampling is uls: give --q, or"
                  + " --sampling els"
              : "--q is the probability of a user but --sampling is els: give --p, or"
                  + " --sampling uls");
    }
    return sampler != null ? sampler : named != null ? named : Sampler.ULS;
  }

  double samplingProbability() {
    if (probability.user != null) {
      return probability.user;
    }
    return probability.example != null ? probability.example : probability.either;
  }

  /** The most units of one user in a round. */
  int groupSize() {
    if (sampler() == Sampler.ULS) {
      return 1;
    }
    if (groupSize == null) {
      throw new ParameterException(
          spec.commandLine(), "--group-size is required with --sampling els, for example 8");
    }
    return groupSize;
  }

  /**
   * The mechanism with a noise multiplier.
   *
   * @throws ParameterException if a value is out of range
   */
  Mechanism with(double noiseMultiplier) {
    try {
      if (bands < 1) {
        throw new IllegalArgumentException("--bands must be at least 1 but is " + bands);
      }
      requireTurns();
      return sampler().accounted(samplingProbability(), groupSize(), noiseMultiplier, bands);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  /** Where users take turns, they are drawn as many times as likely in theirs: at most for sure. */
  private void requireTurns() {
    double asked = samplingProbability();
    if (bands > 1 && asked <= 1 && asked * bands > 1) {
      throw new IllegalArgumentException(
          "--bands %d draws users %d times as likely in their turn, %s, which must be at most 1: give at most %d bands, or a smaller probability"
              .formatted(
                  bands, bands, AccountingOutput.text(asked * bands), (int) Math.floor(1 / asked)));
    }
  }

  /** Over how many rounds noise is correlated; 1 for independent noise. */
  int bands() {
    return bands;
  }

  /** The options as they go into a command's JSON. */
  Map<String, Object> describe() {
    Map<String, Object> fields = new LinkedHashMap<>();
    boolean uls = sampler() == Sampler.ULS;
    fields.put("sampling", uls ? "uls" : "els");
    fields.put(uls ? "q" : "p", samplingProbability());
    if (!uls) {
      fields.put("group_size", groupSize());
    }
    if (bands > 1) {
      fields.put("bands", bands);
    }
    return fields;
  }
}
