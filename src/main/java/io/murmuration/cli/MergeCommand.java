package io.murmuration.cli;

import io.murmuration.model.AdaptedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code murmuration merge}: one plain model directory from base and adapter. */
@Command(
    name = "merge",
    mixinStandardHelpOptions = true,
    description = "Write a base model with an adapter merged in as a plain model directory.")
final class MergeCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Directory to write; must not hold weights yet.")
  private Path out;

  @Override
  public Integer call() throws IOException {
    try (AdaptedModel subject = model.loadAdapted()) {
      subject.requireSound();
      subject.writeMerged(out);
    }
    spec.commandLine().getOut().println("wrote " + out);
    return 0;
  }
}
