package io.murmuration.cli;

import picocli.CommandLine.Option;

/** How many rounds are trained. */
final class RoundsOption {

  @Option(
      names = {"--rounds", "-T"},
      converter = WholeNumber.Rounds.class,
      required = true,
      description = "Rounds of training, 0 to 10^9.")
  private long rounds;

  long rounds() {
    return rounds;
  }
}
