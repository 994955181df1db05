package io.murmuration.cli;

import io.murmuration.model.AdaptedModel;
import io.murmuration.release.ModelStores;
import io.murmuration.storage.Location;
import java.io.IOException;
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
      converter = LocationConverter.class,
      description = "Hugging Face model directory, a path or a URI.")
  private Location model;

  @Option(
      names = "--adapter",
      paramLabel = "DIR",
      converter = LocationConverter.class,
      description = "PEFT adapter on top of it, for example a release; a path or a URI.")
  private Location adapter;

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
    return AdaptedModel.load(
        ModelStores.directory(model),
        adapter == null ? Optional.empty() : Optional.of(ModelStores.directory(adapter)));
  }
}
