package io.murmuration.rounds;

import io.murmuration.config.TrainingConfig;
import io.murmuration.config.TrainingOptions;
import io.murmuration.model.ModelDirectory;
import io.murmuration.storage.LocalCopies;
import io.murmuration.storage.Location;
import java.io.IOException;
import java.nio.file.Path;

/** The base model's directory on the machine that asks: the configured one, or a copy of it. */
public final class BaseModel {

  private static final String WEIGHTS = ".safetensors";

  private BaseModel() {}

  /**
   * The whole model.
   *
   * @throws IOException if it cannot be read, or is fetched and does not have the weights that the
   *     job was submitted with
   */
  public static Path directory(TrainingConfig config) throws IOException {
    Location location = Location.of(config.model());
    Path directory = LocalCopies.of(location, name -> isOfModel(name) || name.endsWith(WEIGHTS));
    if (!location.isLocal() && config.modelDigest() != null) {
      String found = ModelDirectory.weightsDigest(directory);
      if (!found.equals(config.modelDigest())) {
        throw new IOException(
            "%s %s must hold weights with digest %s, as when the job was submitted, but they have %s"
                .formatted(TrainingOptions.MODEL.key(), location, config.modelDigest(), found));
      }
    }
    return directory;
  }

  /**
   * Configuration and tokenizer, perhaps without the weights.
   *
   * @throws IOException if they cannot be read
   */
  public static Path tokenizer(TrainingConfig config) throws IOException {
    return LocalCopies.of(Location.of(config.model()), BaseModel::isOfModel);
  }

  /** Beside a published model lies also what other programs load: none of it is fetched. */
  private static boolean isOfModel(String name) {
    return !name.startsWith(".") && (name.endsWith(".json") || name.equals("LICENSE"));
  }
}
