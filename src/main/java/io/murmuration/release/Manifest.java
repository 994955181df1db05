package io.murmuration.release;

import com.fasterxml.jackson.annotation.JsonValue;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * What a release says about itself, of whatever kind it is: {@code manifest.json}. The list of
 * fields is closed, and every one is public: fixed in advance, or copied from the grant, or a
 * digest of what is released beside it. No counts, no times, no host names. The same release gives
 * the same bytes.
 */
public sealed interface Manifest permits ReleaseManifest, CalibrationManifest {

  /** Name of the manifest's file in a release. */
  String FILE = "manifest.json";

  /** The fields that all kinds have. */
  ManifestHead head();

  /** Name of the directory that a release with this manifest has. */
  String releaseName();

  /** The file that was released: weights, or the outcome of a calibration. */
  String contentFile();

  /** SHA-256 of that file. */
  String contentDigest();

  /** The manifest as a JSON object. */
  @JsonValue
  ObjectNode tree();

  /** The file's bytes, UTF-8. */
  default byte[] write() {
    return PrettyJson.text(tree()).getBytes(StandardCharsets.UTF_8);
  }

  /** The privacy domain whose budget is spent. */
  default String domain() {
    return head().domain();
  }

  /** The round of the ledger. */
  default long round() {
    return head().round();
  }

  /** The epoch that charged it. */
  default long epoch() {
    return head().epoch();
  }

  /** Its public time. */
  default long tick() {
    return head().tick();
  }

  /** The phase of the ledger. */
  default int phase() {
    return head().phase();
  }

  /** What the round did; see {@link ManifestHead} for what format 1 does not say. */
  default RoundMechanism mechanism() {
    return head().mechanism();
  }

  /**
   * Whose lifetime the round counts in; empty for a calibration, and where the budget is the
   * domain's.
   */
  default Optional<Horizon> lifetime() {
    return Optional.empty();
  }

  /** ε of the domain after this round, at {@link #delta}. */
  default double epsilonSpent() {
    return head().epsilonSpent();
  }

  /** δ of that ε. */
  default double delta() {
    return head().delta();
  }

  /** The guarantee in a sentence. */
  default String statement() {
    return head().statement();
  }

  /** Hash of the ledger's record of the charge. */
  default String ledgerHash() {
    return head().ledgerHash();
  }

  /** Name or path of the base model. */
  default String baseModel() {
    return head().baseModel();
  }

  /** SHA-256 of the base model's weights. */
  default String baseModelDigest() {
    return head().baseModelDigest();
  }
}
