package io.murmuration.cli;

import io.murmuration.model.AdaptedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Which model a command works with. */
final class ModelOptions {

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

  AdaptedModel load() throws IOException {
    return AdaptedModel.load(model, Optional.ofNullable(adapter));
  }
}
