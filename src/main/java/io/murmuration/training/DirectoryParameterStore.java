package io.murmuration.training;

import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.release.DirectoryModelStore;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Parameters as files beside the releases, on the file system that all task managers see:
 *
 * <pre>
 * root/.parameters/DOMAIN/epoch-E-of-SUBMISSION-round-R-DIGEST.f32
 * root/.parameters/DOMAIN/epoch-E-of-SUBMISSION-frozen-DIGEST.f32
 * </pre>
 *
 * in the form of {@link ParameterDigest}. A file becomes visible by an atomic rename, complete.
 * They need not survive a crash: after a restart train puts what it restored under a new epoch.
 *
 * <p>Nothing is written while the store of releases is away, see {@link DirectoryModelStore}.
 */
public final class DirectoryParameterStore implements ParameterStore {

  private static final String DIRECTORY = ".parameters";
  private static final Pattern NAME =
      Pattern.compile("epoch-(\\d+)-of-(.+)-(?:frozen|round-(\\d+))-([0-9a-f]{64})\\.f32");

  private final Path root;
  private final Path directory;

  /**
   * @param root of the store of releases
   * @param domain the privacy domain
   */
  public DirectoryParameterStore(Path root, String domain) {
    this.root = root;
    this.directory = root.resolve(DIRECTORY).resolve(domain);
  }

  private Path file(Key key) {
    String what = key.round() == Key.FROZEN ? "frozen" : "round-" + key.round();
    return directory.resolve(
        "epoch-%d-of-%s-%s-%s.f32".formatted(key.epoch(), key.submission(), what, key.digest()));
  }

  private static Optional<Key> key(Path file) {
    Matcher name = NAME.matcher(file.getFileName().toString());
    return name.matches()
        ? Optional.of(
            new Key(
                name.group(2),
                Long.parseLong(name.group(1)),
                name.group(3) == null ? Key.FROZEN : Long.parseLong(name.group(3)),
                name.group(4)))
        : Optional.empty();
  }

  @Override
  public void put(Key key, float[] values) throws IOException {
    DirectoryModelStore.requireThere(root);
    Files.createDirectories(directory);
    Path file = file(key);
    if (Files.exists(file)) {
      return;
    }
    Path partial = directory.resolve("partial-" + UUID.randomUUID());
    try {
      try (OutputStream out = Files.newOutputStream(partial)) {
        ParameterDigest.<IOException>forEachBlock(
            values, (bytes, length) -> out.write(bytes, 0, length));
      }
      Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(partial);
    }
  }

  @Override
  public float[] get(Key key) throws IOException {
    Path file = file(key);
    byte[] bytes = Files.readAllBytes(file);
    if (bytes.length % Float.BYTES != 0) {
      throw new IOException("%s is cut off after %d bytes".formatted(file, bytes.length));
    }
    float[] values = new float[bytes.length / Float.BYTES];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  @Override
  public void deleteSuperseded(ModelVersion version) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        if (key(file).filter(key -> key.isSupersededBy(version)).isPresent()) {
          Files.deleteIfExists(file);
        }
      }
    } catch (NoSuchFileException e) {
      // nothing was ever put
    }
  }
}
