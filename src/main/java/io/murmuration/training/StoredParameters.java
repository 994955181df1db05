package io.murmuration.training;

import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.release.ModelStores;
import io.murmuration.storage.StoredFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.NoSuchFileException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.codec.digest.DigestUtils;

/**
 * Parameters as files beside the releases, where all task managers see them:
 *
 * <pre>
 * root/.parameters/DOMAIN/epoch-E-of-SUBMISSION-round-R-DIGEST.f32
 * root/.parameters/DOMAIN/epoch-E-of-SUBMISSION-frozen-DIGEST.f32
 * </pre>
 *
 * in the form of {@link ParameterDigest}, which the digest in the name tells whole from cut off.
 * They need not survive a crash: after a restart train puts what it restored under a new epoch.
 *
 * <p>Nothing is written while the store of releases is away, see {@link ModelStores#requireThere}.
 */
public final class StoredParameters implements ParameterStore {

  private static final String DIRECTORY = ".parameters";
  private static final Pattern NAME =
      Pattern.compile("epoch-(\\d+)-of-(.+)-(?:frozen|round-(\\d+))-([0-9a-f]{64})\\.f32");

  private static final String EMPTY = ParameterDigest.of(new float[0]);

  /** What stands for an empty array, since an object without content reads as missing. */
  private static final byte[] NOTHING = {'\n'};

  private final StoredFiles files;
  private final String directory;

  /**
   * @param files of the store of releases
   * @param domain the privacy domain
   */
  public StoredParameters(StoredFiles files, String domain) {
    this.files = files;
    this.directory = DIRECTORY + "/" + domain;
  }

  private String file(Key key) {
    String what = key.round() == Key.FROZEN ? "frozen" : "round-" + key.round();
    return directory
        + "/epoch-%d-of-%s-%s-%s.f32".formatted(key.epoch(), key.submission(), what, key.digest());
  }

  private static Optional<Key> key(String file) {
    Matcher name = NAME.matcher(file);
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
    ModelStores.requireThere(files);
    String file = file(key);
    if (values.length == 0) {
      files.write(file, NOTHING);
      return;
    }
    // a failed write may have left a part of it
    if (files.read(file, DigestUtils::sha256Hex).equals(Optional.of(key.digest()))) {
      return;
    }
    files.write(
        file,
        out ->
            ParameterDigest.<IOException>forEachBlock(
                values, (bytes, length) -> out.write(bytes, 0, length)));
  }

  @Override
  public float[] get(Key key) throws IOException {
    String file = file(key);
    byte[] bytes =
        files
            .read(file)
            .orElseThrow(() -> new NoSuchFileException(files.root().resolve(file).toString()));
    if (key.digest().equals(EMPTY)) {
      return new float[0];
    }
    if (bytes.length % Float.BYTES != 0) {
      throw new IOException(
          "%s is cut off after %d bytes".formatted(files.root().resolve(file), bytes.length));
    }
    float[] values = new float[bytes.length / Float.BYTES];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  @Override
  public void deleteSuperseded(ModelVersion version) throws IOException {
    for (StoredFiles.Entry entry : files.list(directory)) {
      if (key(entry.name()).filter(key -> key.isSupersededBy(version)).isPresent()) {
        files.delete(directory + "/" + entry.name());
      }
    }
  }
}
