package io.murmuration.cli;

import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.budget.Sampler;
import java.util.LinkedHashMap;
import java.util.Map;
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
      defaultValue = "uls",
      paramLabel = "uls|els",
      description = "uls: users are sampled; els: examples are. Default: ${DEFAULT-VALUE}.")
  private Sampler sampler;

  @Option(
      names = {"--q", "--p", "--sampling-probability"},
      required = true,
      paramLabel = "PROBABILITY",
      description =
          "The chance in (0, 1] that a user (uls: q) or an example (els: p) takes part in a round.")
  private double samplingProbability;

  @Option(
      names = {"--group-size", "-G"},
      paramLabel = "G",
      description =
          "els: the most examples that one user has in the pool; required. uls: does not matter.")
  private Integer groupSize;

  Sampler sampler() {
    return sampler;
  }

  double samplingProbability() {
    return samplingProbability;
  }

  /** The most units of one user in a round. */
  int groupSize() {
    if (sampler == Sampler.ULS) {
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
      return sampler == Sampler.ULS
          ? Mechanism.uls(samplingProbability, noiseMultiplier)
          : Mechanism.els(samplingProbability, groupSize(), noiseMultiplier);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  /** The options as they go into a command's JSON. */
  Map<String, Object> describe() {
    Map<String, Object> fields = new LinkedHashMap<>();
    boolean uls = sampler == Sampler.ULS;
    fields.put("sampling", uls ? "uls" : "els");
    fields.put(uls ? "q" : "p", samplingProbability);
    if (!uls) {
      fields.put("group_size", groupSize());
    }
    return fields;
  }
}
