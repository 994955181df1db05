package io.murmuration.cli;

import io.murmuration.model.AdaptedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which model a command works with. */
final class ModelOptions {

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "Hugging Face model directory.")
  private Path model;

  @Option(
      names = "--adapter",
      paramLabel = "DIR",
      description = "PEFT adapter on top of it, for example a release.")
  private Path adapter;

  /**
   * The model with an adapter, which must be given.
   *
   * @throws ParameterException if it is not
   */
  AdaptedModel loadAdapted() throws IOException {
    if (adapter == null) {
      throw new ParameterException(
          spec.commandLine(), "--adapter is required: without one there is nothing to merge");
    }
    return load();
  }

  AdaptedModel load() throws IOException {
    return AdaptedModel.load(model, Optional.ofNullable(adapter));
  }
}
