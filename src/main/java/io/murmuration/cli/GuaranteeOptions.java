package io.murmuration.cli;

import picocli.CommandLine.Option;

/** The guarantee that something must fit into: ε and δ. */
final class GuaranteeOptions {

  @Option(names = "--epsilon", required = true, description = "The guarantee's epsilon, > 0.")
  private double epsilon;

  @Option(names = "--delta", required = true, description = "The guarantee's delta, in (0, 1).")
  private double delta;

  double epsilon() {
    return epsilon;
  }

  double delta() {
    return delta;
  }
}
