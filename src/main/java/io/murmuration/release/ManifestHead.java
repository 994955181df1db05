package io.murmuration.release;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import java.io.IOException;
import java.util.Optional;

/**
 * The fields that every manifest has. All are required and public: fixed in advance, or copied from
 * the grant.
 *
 * <p>Format 1 says of the mechanism neither what is summed nor how the clip norm moves; a mechanism
 * of that format reads as plain training, whatever it was. Format 2 has it in the ledger's form.
 * Format 3 is that of a round that counts in users' lifetimes, and {@link ReleaseManifest} says in
 * whose. Format 4 is that of a round whose noise is correlated with that of others; no lifetimes
 * are counted beside it. All others are still written in format 2.
 *
 * @param format version of this format
 * @param domain the privacy domain whose budget is spent
 * @param runId the run's name
 * @param round the round of the ledger
 * @param epoch the epoch that charged it
 * @param tick its public time
 * @param phase the phase of the ledger
 * @param mechanism what the round did; of a calibration the clip norm is what one user adds at most
 *     in L2
 * @param epsilonSpent ε of the domain after this round, at {@code delta}
 * @param delta δ of that ε
 * @param privacyUnit whose data is protected
 * @param neighbouringRelation what ε and δ compare
 * @param statement the guarantee in a sentence
 * @param ledgerHash hash of the ledger's record of the charge
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
  "base_model",
  "base_model_sha256"
})
public record ManifestHead(
    @JsonProperty("format") int format,
    @JsonProperty("domain") String domain,
    @JsonProperty("run_id") String runId,
    @JsonProperty("round") long round,
    @JsonProperty("epoch") long epoch,
    @JsonProperty("tick") long tick,
    @JsonProperty("phase") int phase,
    @JsonProperty("mechanism") RoundMechanism mechanism,
    @JsonProperty("epsilon_spent") double epsilonSpent,
    @JsonProperty("delta") double delta,
    @JsonProperty("privacy_unit") String privacyUnit,
    @JsonProperty("neighbouring_relation") String neighbouringRelation,
    @JsonProperty("statement") String statement,
    @JsonProperty("ledger_hash") String ledgerHash,
    @JsonProperty("base_model") String baseModel,
    @JsonProperty("base_model_sha256") String baseModelDigest) {

  /** The newest format that this version of Murmuration writes; it reads all from 1 on. */
  public static final int FORMAT = 4;

  private static final int OF_LIFETIMES = 3;

  private static final int WITHOUT_LIFETIMES = 2;

  private static final int WITHOUT_QUERY = 1;

  static ManifestHead of(ReleaseContext context, Grant grant) {
    return new ManifestHead(
        formatOf(grant),
        context.domain(),
        context.runId(),
        grant.round(),
        grant.epoch(),
        grant.tick(),
        grant.phase(),
        grant.mechanism(),
        grant.epsilonSpent(),
        grant.delta(),
        LedgerRecord.UNIT,
        Guarantee.RELATION,
        Guarantee.statement(
            context.domain(),
            grant.round(),
            grant.epsilonSpent(),
            grant.delta(),
            Optional.ofNullable(grant.horizon())),
        grant.ledgerHash(),
        context.baseModel(),
        context.baseModelDigest());
  }

  private static int formatOf(Grant grant) {
    if (grant.mechanism().correlatedNoise() != null) {
      return FORMAT;
    }
    return grant.horizon() == null ? WITHOUT_LIFETIMES : OF_LIFETIMES;
  }

  /** Whether a manifest's format, which is known, says whose lifetime a round counts in. */
  static boolean statesLifetime(ObjectNode manifest) {
    return manifest.get("format").intValue() == OF_LIFETIMES;
  }

  /** Whether the mechanism is this one, as far as the format says it. */
  boolean states(RoundMechanism charged) {
    return mechanism.equals(format == WITHOUT_QUERY ? withoutQuery(charged) : charged);
  }

  /** What format 1 leaves out. How noise is correlated it never left out: that is newer. */
  private static RoundMechanism withoutQuery(RoundMechanism mechanism) {
    return new RoundMechanism(
        mechanism.sampler(),
        mechanism.samplingProbability(),
        mechanism.groupSize(),
        mechanism.noiseMultiplier(),
        mechanism.clipNorm(),
        mechanism.expectedUnits(),
        RoundQuery.UPDATE,
        mechanism.correlatedNoise());
  }

  /** Looks at the format before anything else: of a newer one the fields mean nothing. */
  static void requireKnownFormat(ObjectNode manifest) throws IOException {
    JsonNode format = manifest.get("format");
    if (format == null || !format.isInt()) {
      throw new IOException("format must be a whole number but is " + format);
    }
    if (format.intValue() < WITHOUT_QUERY || format.intValue() > FORMAT) {
      throw new IOException(
          "the manifest has format %d but this version of Murmuration reads formats %d to %d"
              .formatted(format.intValue(), WITHOUT_QUERY, FORMAT));
    }
    boolean correlated = manifest.at("/mechanism/correlated_noise").isObject();
    if (correlated != (format.intValue() == FORMAT)) {
      throw new IOException(
          correlated
              ? "the mechanism has correlated_noise, which format %d does not know"
                  .formatted(format.intValue())
              : "the mechanism must have correlated_noise, which format %d is for"
                  .formatted(format.intValue()));
    }
  }
}
