package io.murmuration.release;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.murmuration.privacy.mechanism.Grant;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * The manifest of a calibration's release. It has a {@code kind} and no weights, so that nothing
 * takes it for a model; the list of its fields is closed, and all are public.
 *
 * @param kind {@link #KIND}
 * @param format version of this format
 * @param domain the privacy domain whose budget is spent
 * @param runId the run's name
 * @param round the round of the ledger
 * @param epoch the epoch that charged it
 * @param tick its public time
 * @param phase the phase of the ledger
 * @param mechanism what the round did; its clip norm is what one user adds at most in L2
 * @param epsilonSpent ε of the domain after this round, at {@code delta}
 * @param delta δ of that ε
 * @param privacyUnit whose data is protected
 * @param neighbouringRelation what ε and δ compare
 * @param statement the guarantee in a sentence
 * @param ledgerHash hash of the ledger's record of the charge
 * @param outcome what was found, as in {@link CalibrationOutcome#FILE}
 * @param outcomeDigest SHA-256 of that file
 * @param baseModel name or path of the base model
 * @param baseModelDigest SHA-256 of its weights
 */
@JsonPropertyOrder({
  "kind",
  "format",
  "domain",
  "run_id",
  "round",
  "epoch",
  "tick",
  "phase",
  "mechanism",
  "epsilon_spent",
  "delta",
  "privacy_unit",
  "neighbouring_relation",
  "statement",
  "ledger_hash",
  "outcome",
  "outcome_sha256",
  "base_model",
  "base_model_sha256"
})
public record CalibrationManifest(
    @JsonProperty("kind") String kind,
    @JsonProperty("format") int format,
    @JsonProperty("domain") String domain,
    @JsonProperty("run_id") String runId,
    @JsonProperty("round") long round,
    @JsonProperty("epoch") long epoch,
    @JsonProperty("tick") long tick,
    @JsonProperty("phase") int phase,
    @JsonProperty("mechanism") ReleaseManifest.Mechanism mechanism,
    @JsonProperty("epsilon_spent") double epsilonSpent,
    @JsonProperty("delta") double delta,
    @JsonProperty("privacy_unit") String privacyUnit,
    @JsonProperty("neighbouring_relation") String neighbouringRelation,
    @JsonProperty("statement") String statement,
    @JsonProperty("ledger_hash") String ledgerHash,
    @JsonProperty("outcome") CalibrationOutcome outcome,
    @JsonProperty("outcome_sha256") String outcomeDigest,
    @JsonProperty("base_model") String baseModel,
    @JsonProperty("base_model_sha256") String baseModelDigest)
    implements Manifest {

  /** What the field {@code kind} says. */
  public static final String KIND = "calibration";

  private static final int FORMAT = 1;

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

  public CalibrationManifest {
    require("domain", domain);
    require("mechanism", mechanism);
    require("statement", statement);
    require("ledger_hash", ledgerHash);
    require("outcome", outcome);
    require("outcome_sha256", outcomeDigest);
  }

  private static void require(String field, Object value) {
    if (value == null) {
      throw new IllegalArgumentException(field + " is required but is missing");
    }
  }

  /** The manifest of one calibration. */
  static CalibrationManifest of(ReleaseContext context, Grant grant, byte[] outcome) {
    try {
      return new CalibrationManifest(
          KIND,
          FORMAT,
          context.domain(),
          context.runId(),
          grant.round(),
          grant.epoch(),
          grant.tick(),
          grant.phase(),
          ReleaseManifest.Mechanism.of(grant.mechanism()),
          grant.epsilonSpent(),
          grant.delta(),
          PrivacyStatement.UNIT,
          PrivacyStatement.NEIGHBOURING_RELATION,
          PrivacyStatement.sentence(context.domain(), grant),
          grant.ledgerHash(),
          CalibrationOutcome.read(outcome),
          Digests.ofFile(outcome),
          context.baseModel(),
          context.baseModelDigest());
    } catch (IOException e) {
      throw new UncheckedIOException("train sent a calibration without an outcome", e);
    }
  }

  /**
   * Reads a manifest.
   *
   * @throws IOException if it is not one of a calibration
   */
  public static CalibrationManifest read(byte[] json) throws IOException {
    CalibrationManifest manifest = JSON.readValue(json, CalibrationManifest.class);
    if (!KIND.equals(manifest.kind()) || manifest.format() != FORMAT) {
      throw new IOException(
          "the manifest must be of kind %s and format %d but is of %s and %d"
              .formatted(KIND, FORMAT, manifest.kind(), manifest.format()));
    }
    return manifest;
  }

  @Override
  public String releaseName() {
    return ReleaseFiles.calibrationNameOf(round);
  }

  @Override
  public String contentFile() {
    return CalibrationOutcome.FILE;
  }

  @Override
  public String contentDigest() {
    return outcomeDigest;
  }

  @Override
  public byte[] write() {
    return PrettyJson.text(this).getBytes(StandardCharsets.UTF_8);
  }
}
