package io.murmuration.cli;

import picocli.CommandLine.Option;

/** How much noise a round adds. */
final class NoiseOption {

  @Option(
      names = {"--noise-multiplier", "--sigma"},
      required = true,
      paramLabel = "SIGMA",
      description = "The noise's standard deviation in units of the clip norm.")
  private double noiseMultiplier;

  double noiseMultiplier() {
    return noiseMultiplier;
  }
}
