package io.murmuration.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ReleaseManifestTest {

  private final ReleaseFiles files = ReleaseFixtures.files(42, 1.5f);
  private final JsonMapper json = new JsonMapper();

  @Test
  void theListOfFieldsIsClosed() throws Exception {
    ObjectNode manifest = (ObjectNode) json.readTree(files.files().get(Manifest.FILE));

    assertThat(manifest.fieldNames())
        .toIterable()
        .containsExactly(
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
            "base_model_sha256",
            "weights_file",
            "weights_sha256");
    assertThat(manifest.get("mechanism").fieldNames())
        .toIterable()
        .containsExactly(
            "sampler",
            "sampling_probability",
            "group_size",
            "noise_multiplier",
            "clip_norm",
            "expected_units");
  }

  @Test
  void holdsTheDigestOfTheWeights() {
    assertThat(((ReleaseManifest) files.manifest()).weightsDigest())
        .isEqualTo(Digests.ofFile(files.files().get(PeftAdapter.WEIGHTS_FILE)));
  }

  @Test
  void everyAttemptWritesTheSameBytes() {
    assertThat(Digests.ofRelease(ReleaseFixtures.files(42, 1.5f).files()))
        .isEqualTo(Digests.ofRelease(files.files()));
    assertThat(Digests.ofRelease(ReleaseFixtures.files(42, 1.6f).files()))
        .isNotEqualTo(Digests.ofRelease(files.files()));
  }

  @Test
  void theStatementNamesGuaranteeAndAssumptions() {
    String statement = new String(files.files().get(PrivacyStatement.FILE), StandardCharsets.UTF_8);

    // 0.10001 · 42 = 4.20042, rounded up
    assertThat(statement)
        .startsWith("# Privacy of this release\n")
        .contains(
            "All releases of the domain chat up to and including round 42 together are (4.2005,"
                + " 1.0E-6)-differentially private at user level.")
        .contains("add or remove one user with all their events")
        .contains("1. The round in which an event arrives is part of the input: load (a flood from")
        .contains("5. Sampling and noise come from a cryptographic generator, drawn afresh")
        .contains("Each user takes part independently with probability 0.0625")
        .contains("divided by 1024");
  }

  @Test
  void aContextNeedsARealDigest() {
    assertThatThrownBy(
            () ->
                new ReleaseContext(
                    "chat", "run", "base", "123", "start", ReleaseFixtures.context().format()))
        .hasMessage("base model digest must be 64 lower-case hexadecimal digits but is 123");
  }
}
