package io.murmuration.cli;

import io.murmuration.serving.Prompt;
import java.util.OptionalLong;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How a model continues a prompt. */
final class GenerationOptions {

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "New tokens of an answer at most (default: ${DEFAULT-VALUE}).")
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

  /**
   * A text to be continued so.
   *
   * @throws ParameterException where an option is out of its range
   */
  Prompt prompt(String text) {
    try {
      return new Prompt(
          text,
          maxTokens,
          temperature,
          seed == null ? OptionalLong.empty() : OptionalLong.of(seed));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }
}
