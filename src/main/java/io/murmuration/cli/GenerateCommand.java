package io.murmuration.cli;

import io.murmuration.model.AdaptedModel;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code murmuration generate}: lets a person read what a release says. */
@Command(
    name = "generate",
    mixinStandardHelpOptions = true,
    description = "Continue a prompt with a model or a release.")
final class GenerateCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;

  @Option(
      names = "--prompt",
      required = true,
      paramLabel = "TEXT",
      description = "What to continue; may be empty.")
  private String prompt;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "New tokens at most (default: ${DEFAULT-VALUE}).")
  private int maxTokens = 100;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description =
          "0 takes the likeliest token, larger values vary more (default: ${DEFAULT-VALUE}).")
  private double temperature = 0;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Makes sampling repeatable (default: another each time).")
  private Long seed;

  @Override
  public Integer call() throws IOException {
    if (maxTokens < 1) {
      throw new ParameterException(
          spec.commandLine(), "--max-tokens must be at least 1, given " + maxTokens);
    }
    if (!(temperature >= 0) || Double.isInfinite(temperature)) {
      throw new ParameterException(
          spec.commandLine(),
          "--temperature must be finite and not negative, given " + temperature);
    }
    try (AdaptedModel subject = model.load()) {
      subject.requireSound();
      SplittableRandom random = seed == null ? new SplittableRandom() : new SplittableRandom(seed);
      PrintWriter out = spec.commandLine().getOut();
      out.println(prompt + subject.generator().generate(prompt, maxTokens, temperature, random));
    }
    return 0;
  }
}
