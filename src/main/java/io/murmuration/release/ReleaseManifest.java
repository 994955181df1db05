package io.murmuration.release;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.privacy.mechanism.Grant;
import java.io.IOException;

/**
 * The manifest of a model's release.
 *
 * @param head the fields that every manifest has
 * @param weightsFile the file that holds the weights
 * @param weightsDigest its SHA-256
 */
public record ReleaseManifest(ManifestHead head, String weightsFile, String weightsDigest)
    implements Manifest {

  private static final String WEIGHTS_FILE = "weights_file";
  private static final String WEIGHTS_DIGEST = "weights_sha256";

  /** The manifest of one release. */
  public static ReleaseManifest of(ReleaseContext context, Grant grant, String weightsDigest) {
    return new ReleaseManifest(
        ManifestHead.of(context, grant), context.format().weightsFile(), weightsDigest);
  }

  /**
   * Reads a manifest.
   *
   * @throws IOException if it is not one of a model, of a format up to {@link ManifestHead#FORMAT}:
   *     a field too many, missing or mistyped
   */
  public static ReleaseManifest read(byte[] json) throws IOException {
    ObjectNode fields = ReleaseJson.object(json);
    ManifestHead.requireKnownFormat(fields);
    String weightsFile = ReleaseJson.takeText(fields, WEIGHTS_FILE);
    String weightsDigest = ReleaseJson.takeText(fields, WEIGHTS_DIGEST);
    return new ReleaseManifest(
        ReleaseJson.complete(fields, ManifestHead.class), weightsFile, weightsDigest);
  }

  @Override
  public ObjectNode tree() {
    return ReleaseJson.tree(head).put(WEIGHTS_FILE, weightsFile).put(WEIGHTS_DIGEST, weightsDigest);
  }

  @Override
  public String releaseName() {
    return ReleaseFiles.nameOf(round());
  }

  @Override
  public String contentFile() {
    return weightsFile;
  }

  @Override
  public String contentDigest() {
    return weightsDigest;
  }
}
