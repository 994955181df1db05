package io.murmuration.serving;

import io.murmuration.model.AdaptedModel;
import io.murmuration.model.ModelDirectory;
import io.murmuration.release.ModelStores;
import io.murmuration.release.PeftAdapter;
import io.murmuration.storage.Location;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;

/**
 * Loads releases: adapters onto a base model whose weights have the digest that the manifest names,
 * and whole models. Whatever a release is, its loss on a public text must be finite.
 */
final class ReleaseLoader implements ReleaseFollower.Loader<ServedModel> {

  private final Optional<Location> base;

  /**
   * @param base the base model's directory; empty where releases are whole models
   */
  ReleaseLoader(Optional<Location> base) {
    this.base = base;
  }

  @Override
  public ServedModel load(ServedRelease release, SortedMap<String, byte[]> files)
      throws IOException {
    // the libraries that read weights and tokenizers want a directory; once loaded, nothing does
    Path directory = Files.createTempDirectory("murmuration-" + release.name() + "-");
    try {
      for (Map.Entry<String, byte[]> file : files.entrySet()) {
        Files.write(directory.resolve(file.getKey()), file.getValue());
      }
      AdaptedModel model =
          release.manifest().weightsFile().equals(PeftAdapter.WEIGHTS_FILE)
              ? AdaptedModel.load(base(release), Optional.of(directory))
              : AdaptedModel.load(directory, Optional.empty());
      try {
        model.requireSound();
        return new ServedModel(model);
      } catch (RuntimeException e) {
        model.close();
        throw e;
      }
    } finally {
      for (String file : files.keySet()) {
        Files.deleteIfExists(directory.resolve(file));
      }
      Files.delete(directory);
    }
  }

  private Path base(ServedRelease release) throws IOException {
    if (base.isEmpty()) {
      throw new IllegalArgumentException(
          "it is an adapter: give the directory of its base model, %s"
              .formatted(release.manifest().baseModel()));
    }
    Path directory = ModelStores.directory(base.get());
    String found = ModelDirectory.weightsDigest(directory);
    if (!found.equals(release.manifest().baseModelDigest())) {
      throw new IllegalArgumentException(
          "it was trained on the base model %s with the digest %s, but the weights in %s have %s"
              .formatted(
                  release.manifest().baseModel(),
                  release.manifest().baseModelDigest(),
                  base.get(),
                  found));
    }
    return directory;
  }
}
