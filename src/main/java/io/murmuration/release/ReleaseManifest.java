package io.murmuration.release;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * What a release says about itself: {@code manifest.json}. The list of fields is closed, and every
 * one is public: fixed in advance, or copied from the grant, or a digest of what is released beside
 * it. No counts, no times, no host names. The same release gives the same bytes.
 *
 * @param format version of this format
 * @param domain the privacy domain whose budget is spent
 * @param runId the run's name
 * @param round the round of the ledger
 * @param epoch the epoch that charged it
 * @param tick its public time
 * @param phase the phase of the ledger
 * @param mechanism what the round did
 * @param epsilonSpent ε of the domain after this round, at {@code delta}
 * @param delta δ of that ε
 * @param privacyUnit whose data is protected
 * @param neighbouringRelation what ε and δ compare
 * @param statement the guarantee in a sentence
 * @param ledgerHash hash of the ledger's record of the charge
 * @param weightsFile the file that holds the weights
 * @param weightsDigest its SHA-256
 * @param baseModel name or path of the base model
 * @param baseModelDigest SHA-256 of its weights
 */
@JsonPropertyOrder({
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
  "weights_file",
  "weights_sha256",
  "base_model",
  "base_model_sha256"
})
public record ReleaseManifest(
    @JsonProperty("format") int format,
    @JsonProperty("domain") String domain,
    @JsonProperty("run_id") String runId,
    @JsonProperty("round") long round,
    @JsonProperty("epoch") long epoch,
    @JsonProperty("tick") long tick,
    @JsonProperty("phase") int phase,
    @JsonProperty("mechanism") Mechanism mechanism,
    @JsonProperty("epsilon_spent") double epsilonSpent,
    @JsonProperty("delta") double delta,
    @JsonProperty("privacy_unit") String privacyUnit,
    @JsonProperty("neighbouring_relation") String neighbouringRelation,
    @JsonProperty("statement") String statement,
    @JsonProperty("ledger_hash") String ledgerHash,
    @JsonProperty("weights_file") String weightsFile,
    @JsonProperty("weights_sha256") String weightsDigest,
    @JsonProperty("base_model") String baseModel,
    @JsonProperty("base_model_sha256") String baseModelDigest)
    implements Manifest {

  /** Name of the manifest's file in a release. */
  public static final String FILE = "manifest.json";

  /** The format that this release of Murmuration writes. */
  public static final int FORMAT = 1;

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .build();

  /** The round's mechanism; see {@link RoundMechanism}. */
  @JsonPropertyOrder({
    "sampler",
    "sampling_probability",
    "group_size",
    "noise_multiplier",
    "clip_norm",
    "expected_units"
  })
  public record Mechanism(
      @JsonProperty("sampler") String sampler,
      @JsonProperty("sampling_probability") double samplingProbability,
      @JsonProperty("group_size") int groupSize,
      @JsonProperty("noise_multiplier") double noiseMultiplier,
      @JsonProperty("clip_norm") double clipNorm,
      @JsonProperty("expected_units") double expectedUnits) {

    static Mechanism of(RoundMechanism mechanism) {
      return new Mechanism(
          mechanism.sampler().name(),
          mechanism.samplingProbability(),
          mechanism.groupSize(),
          mechanism.noiseMultiplier(),
          mechanism.clipNorm(),
          mechanism.expectedUnits());
    }
  }

  /** The manifest of one release. */
  public static ReleaseManifest of(ReleaseContext context, Grant grant, String weightsDigest) {
    return new ReleaseManifest(
        FORMAT,
        context.domain(),
        context.runId(),
        grant.round(),
        grant.epoch(),
        grant.tick(),
        grant.phase(),
        Mechanism.of(grant.mechanism()),
        grant.epsilonSpent(),
        grant.delta(),
        PrivacyStatement.UNIT,
        PrivacyStatement.NEIGHBOURING_RELATION,
        PrivacyStatement.sentence(context.domain(), grant),
        grant.ledgerHash(),
        context.format().weightsFile(),
        weightsDigest,
        context.baseModel(),
        context.baseModelDigest());
  }

  /**
   * Reads a manifest.
   *
   * @throws IOException if it is not a manifest of {@link #FORMAT}: a field too many, missing or
   *     mistyped
   */
  public static ReleaseManifest read(byte[] json) throws IOException {
    ReleaseManifest manifest = JSON.readValue(json, ReleaseManifest.class);
    if (manifest.format() != FORMAT) {
      throw new IOException(
          "the manifest has format %d but this release of Murmuration reads format %d"
              .formatted(manifest.format(), FORMAT));
    }
    return manifest;
  }

  @Override
  public String releaseName() {
    return ReleaseFiles.nameOf(round);
  }

  @Override
  public String contentFile() {
    return weightsFile;
  }

  @Override
  public String contentDigest() {
    return weightsDigest;
  }

  @Override
  public byte[] write() {
    return PrettyJson.text(this).getBytes(StandardCharsets.UTF_8);
  }
}
