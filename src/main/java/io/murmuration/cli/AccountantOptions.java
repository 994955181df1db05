package io.murmuration.cli;

import io.murmuration.privacy.accounting.PldAccountant;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** How precisely the accountant works. */
final class AccountantOptions {

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--precision",
      defaultValue = "1e-4",
      description =
          "Relative precision of epsilon, 1e-7 to 0.1; it is an upper bound at any. Default: ${DEFAULT-VALUE}.")
  private double precision;

  PldAccountant create() {
    return AccountingOutput.checked(spec, () -> new PldAccountant(precision));
  }
}
