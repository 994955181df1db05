package io.murmuration.release;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.privacy.mechanism.Grant;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * The manifest of a calibration's release. It has a {@code kind} and no weights, so that nothing
 * takes it for a model.
 *
 * @param head the fields that every manifest has
 * @param outcome what was found, as in {@link CalibrationOutcome#FILE}
 * @param outcomeDigest SHA-256 of that file
 */
public record CalibrationManifest(
    ManifestHead head, CalibrationOutcome outcome, String outcomeDigest) implements Manifest {

  private static final String KIND_FIELD = "kind";
  private static final String KIND = "calibration";
  private static final String OUTCOME = "outcome";
  private static final String OUTCOME_DIGEST = "outcome_sha256";

  /** The manifest of one calibration. */
  static CalibrationManifest of(ReleaseContext context, Grant grant, byte[] outcome) {
    try {
      return new CalibrationManifest(
          ManifestHead.of(context, grant),
          CalibrationOutcome.read(outcome),
          Digests.ofFile(outcome));
    } catch (IOException e) {
      throw new UncheckedIOException("train sent a calibration without an outcome", e);
    }
  }

  /**
   * Reads a manifest.
   *
   * @throws IOException if it is not one of a calibration, of a format that is read: a field too
   *     many, missing or mistyped
   */
  public static CalibrationManifest read(byte[] json) throws IOException {
    ObjectNode fields = ReleaseJson.object(json);
    ManifestHead.requireKnownFormat(fields);
    String kind = ReleaseJson.takeText(fields, KIND_FIELD);
    if (!kind.equals(KIND)) {
      throw new IOException("the manifest must be of kind %s but is of %s".formatted(KIND, kind));
    }
    if (ManifestHead.statesLifetime(fields)) {
      throw new IOException("a calibration counts in nobody's lifetime, but its format says whose");
    }
    CalibrationOutcome outcome = CalibrationOutcome.of(ReleaseJson.take(fields, OUTCOME));
    String digest = ReleaseJson.takeText(fields, OUTCOME_DIGEST);
    return new CalibrationManifest(
        ReleaseJson.complete(fields, ManifestHead.class), outcome, digest);
  }

  @Override
  public ObjectNode tree() {
    ObjectNode tree = JsonNodeFactory.instance.objectNode().put(KIND_FIELD, KIND);
    tree.setAll(ReleaseJson.tree(head));
    tree.set(OUTCOME, ReleaseJson.tree(outcome));
    return tree.put(OUTCOME_DIGEST, outcomeDigest);
  }

  @Override
  public String releaseName() {
    return ReleaseFiles.calibrationNameOf(round());
  }

  @Override
  public String contentFile() {
    return CalibrationOutcome.FILE;
  }

  @Override
  public String contentDigest() {
    return outcomeDigest;
  }
}
