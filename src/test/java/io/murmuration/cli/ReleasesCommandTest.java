package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.release.Digests;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.Guarantee;
import io.murmuration.release.ReleaseFixtures;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class ReleasesCommandTest {

  @TempDir private Path root;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @BeforeEach
  void publish() throws IOException {
    DirectoryModelStore store = DirectoryModelStore.open(root);
    for (long round = 1; round <= 3; round++) {
      store.commit(store.stage(ReleaseFixtures.files(round, (float) round)));
    }
  }

  private int run(String... arguments) {
    return new CommandLine(new ReleasesCommand())
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(arguments);
  }

  @Test
  void listsRoundsAndPrivacySpent() {
    assertThat(run("list", root.toString())).isZero();

    assertThat(out.toString().lines())
        .hasSize(4)
        .element(3)
        .asString()
        .matches("round-00000003 +chat +1 +0[.]3001 +1[.]0e-06 +[0-9a-f]{12}");
  }

  @Test
  void listsAsJson() throws IOException {
    assertThat(run("list", root.toString(), "--json")).isZero();

    JsonNode releases = new JsonMapper().readTree(out.toString());
    assertThat(releases).hasSize(3);
    assertThat(releases.get(1).get("release").asText()).isEqualTo("round-00000002");
    assertThat(releases.get(1).get("manifest").get("epsilon_spent").asDouble()).isEqualTo(0.20002);
  }

  @Test
  void showsTheNewestStatementByDefaultAndAnotherByRound() throws IOException {
    assertThat(run("show", root.toString())).isZero();
    assertThat(out.toString()).contains("up to and including round 3 together");

    out.getBuffer().setLength(0);
    assertThat(run("show", root.toString(), "2", "--json")).isZero();
    assertThat(new JsonMapper().readTree(out.toString()).get("round").asLong()).isEqualTo(2);
  }

  @Test
  void verifiesSoundReleases() {
    assertThat(run("verify", root.toString())).isZero();

    assertThat(out.toString()).contains("round-00000002  ok").contains("3 of 3 releases are sound");
  }

  @Test
  void findsDamagedWeightsAndMissingFiles() throws IOException {
    byte[] weights = Files.readAllBytes(root.resolve("round-00000002/adapter_model.safetensors"));
    weights[weights.length - 1] ^= 1;
    Files.write(root.resolve("round-00000002/adapter_model.safetensors"), weights);
    Files.delete(root.resolve("round-00000003/PRIVACY.md"));

    assertThat(run("verify", root.toString())).isEqualTo(1);

    assertThat(out.toString())
        .contains("round-00000002  SHA-256 of adapter_model.safetensors is")
        .contains("round-00000003  there is no PRIVACY.md")
        .contains("1 of 3 releases are sound");
  }

  @Test
  void findsACopyUnderAnotherRoundAndAFallingEpsilon() throws IOException {
    Path copy = Files.createDirectory(root.resolve("round-00000009"));
    for (String file :
        new String[] {
          "manifest.json", "PRIVACY.md", "adapter_config.json", "adapter_model.safetensors"
        }) {
      Files.copy(root.resolve("round-00000001").resolve(file), copy.resolve(file));
    }

    assertThat(run("verify", root.toString(), "--json")).isEqualTo(1);

    assertThat(out.toString())
        .contains("its manifest is that of round 1")
        .contains("its ε, 0.10001, is below the 0.30003 of round 3")
        .contains("it names the same charge as round-00000001");
  }

  @Test
  void recomputesEpsilonFromTheLedger() throws Exception {
    PublishedRun run = published();

    assertThat(verify(run)).isZero();

    assertThat(out.toString())
        .contains("round-00000003  ok")
        .doesNotContain("round-00000002  ")
        .endsWith("4 of 4 releases are sound%n".formatted());
    out.getBuffer().setLength(0);
    assertThat(verify(run, "--json")).isZero();
    JsonNode answer = new JsonMapper().readTree(out.toString());
    assertThat(answer.get("against_ledger").asBoolean()).isTrue();
    assertThat(answer.get("sound").asInt()).isEqualTo(4);
  }

  @Test
  void findsAnEpsilonBelowTheTrueComposition() throws Exception {
    PublishedRun run = published();
    ObjectNode manifest = manifest(run, "round-00000003");
    double understated = manifest.get("epsilon_spent").asDouble() * 0.9999;
    manifest.put("epsilon_spent", understated);
    manifest.put("statement", Guarantee.sentence("chat", 3, understated, 5e-7));
    write(run, "round-00000003", manifest);

    assertThat(verify(run)).isEqualTo(1);

    assertThat(out.toString())
        .contains("round-00000003")
        .contains(
            "its ε, %s, is below the ".formatted(understated), "that the ledger's charges up to it")
        .contains("PRIVACY.md does not hold the manifest's statement")
        .contains("3 of 4 releases are sound");
  }

  @Test
  void recomputesTheCyclesOfCorrelatedNoise() throws Exception {
    // the second start finds other coefficients, and goes on with those of the ledger
    PublishedRun run =
        PublishedRun.in(root.resolve("correlated"))
            .rounds(PublishedRun.correlated(40000, 30000, 25000, 20000), 8, 5, /* halt= */ null)
            .rounds(PublishedRun.correlated(40000, 30000, 25000, 20001), 8, 4, /* halt= */ null);

    assertThat(verify(run)).isZero();

    assertThat(out.toString()).endsWith("9 of 9 releases are sound%n".formatted());
    Mechanism inTurn = Mechanism.uls(0.25, 0.9);
    for (int round = 1; round <= 9; round++) {
      ObjectNode manifest = manifest(run, "round-%08d".formatted(round));
      assertThat(manifest.get("phase").asInt()).isEqualTo(1);
      assertThat(manifest.get("format").asInt()).isEqualTo(4);
      assertThat(manifest.at("/mechanism/correlated_noise/coefficients").toString())
          .isEqualTo("[40000,30000,25000,20000]");
      assertThat(manifest.get("epsilon_spent").asDouble())
          .isEqualTo(
              new PldAccountant()
                  .epsilon(inTurn, (round + 3) / 4, manifest.get("delta").asDouble()));
    }
    assertThat(Files.readString(run.releases().resolve("round-00000009/PRIVACY.md")))
        .contains("with probability 0.25 in every 4th round, those of the user's turn")
        .contains("The noise is correlated over 4 rounds: each takes back a part");

    out.getBuffer().setLength(0);
    ObjectNode manifest = manifest(run, "round-00000009");
    double independent =
        new PldAccountant()
            .epsilon(Mechanism.uls(0.0625, 0.9), 9, manifest.get("delta").asDouble());
    write(run, "round-00000009", manifest.put("epsilon_spent", independent));
    assertThat(verify(run)).isEqualTo(1);
    assertThat(out.toString()).contains("its ε, %s, is below the ".formatted(independent));
  }

  /** Two generations, each of more rounds than one user may take part in. */
  private PublishedRun lifetimes() throws Exception {
    return PublishedRun.in(root.resolve("lifetimes"))
        .lifetimes(PublishedRun.MECHANISM, 6.2, /* generation= */ 1, /* rounds= */ 12)
        .lifetimes(PublishedRun.mechanism(1.5), 6.2, /* generation= */ 2, /* rounds= */ 3);
  }

  @Test
  void recomputesLifetimesFromTheLedger() throws Exception {
    PublishedRun run = lifetimes();

    assertThat(verify(run)).isZero();

    assertThat(out.toString()).endsWith("15 of 15 releases are sound%n".formatted());
    ObjectNode beyond = manifest(run, "round-00000011");
    long horizon = beyond.at("/horizon/rounds").asLong();
    assertThat(horizon).isBetween(2L, 10L);
    assertThat(beyond.get("epsilon_spent").asDouble())
        .as("a user has had a lifetime by then")
        .isEqualTo(manifest(run, "round-00000012").get("epsilon_spent").asDouble())
        .isEqualTo(manifest(run, "round-%08d".formatted(horizon)).get("epsilon_spent").asDouble())
        .isBetween(2.5, 3.1);
    assertThat(manifest(run, "round-00000013").get("epsilon_spent").asDouble()).isGreaterThan(3.1);
    assertThat(manifest(run, "round-00000013").at("/horizon/first_round").asLong()).isEqualTo(13);
    assertThat(Files.readString(run.releases().resolve("round-00000012/PRIVACY.md")))
        .contains(
            "The budget is each user's: nobody's words influence more than %d rounds of generation 1"
                .formatted(horizon));
  }

  /** Planted: a release that promises a shorter lifetime than the ledger's. */
  @Test
  void findsALifetimeThatTheLedgerContradicts() throws Exception {
    PublishedRun run = lifetimes();
    ObjectNode manifest = manifest(run, "round-00000012");
    ((ObjectNode) manifest.get("horizon")).put("rounds", 1);
    write(run, "round-00000012", manifest);

    assertThat(verify(run)).isEqualTo(1);

    assertThat(out.toString())
        .contains(
            "its lifetime is generation 1, 1 rounds from round 1 on but the ledger charged generation 1")
        .contains("its statement is not that of its numbers")
        .contains("14 of 15 releases are sound");
  }

  @Test
  void findsManifestsThatTheLedgerContradicts() throws Exception {
    PublishedRun run = published();
    ObjectNode first = manifest(run, "round-00000001");
    first.put("tick", 9).put("epoch", 7);
    ((ObjectNode) first.get("mechanism")).put("noise_multiplier", 1.5);
    write(run, "round-00000001", first);
    ObjectNode third = manifest(run, "round-00000003");
    third.put("delta", 1e-9);
    write(run, "round-00000003", third);
    ObjectNode fourth = manifest(run, "round-00000004");
    fourth.put("ledger_hash", "cd".repeat(32));
    write(run, "round-00000004", fourth);

    assertThat(verify(run)).isEqualTo(1);

    assertThat(out.toString())
        .contains("its tick is 9 but the ledger charged 2")
        .contains("its epoch is 7 but the ledger charged 1")
        .contains("its mechanism is not the one that was charged, which is: each user with")
        .contains("its δ, 1.0E-9, is below the 5.0E-7 that the ledger reserved")
        .contains("its statement is not that of its numbers")
        .contains("the ledger holds no charge with the hash " + "cd".repeat(32))
        .contains("1 of 4 releases are sound");
  }

  @Test
  void aClipNormThatMovesIsThatOfTheCharge() throws Exception {
    PublishedRun run =
        PublishedRun.in(root.resolve("run")).rounds(PublishedRun.adaptive(), 8, 3, null);
    double clipNorm = manifest(run, "round-00000003").get("mechanism").get("clip_norm").asDouble();
    assertThat(clipNorm).isEqualTo(1.25);
    assertThat(verify(run)).isZero();

    ObjectNode second = manifest(run, "round-00000002");
    ((ObjectNode) second.get("mechanism")).put("clip_norm", clipNorm);
    write(run, "round-00000002", second);

    assertThat(verify(run)).isEqualTo(1);
    assertThat(out.toString()).contains("round-00000002  its mechanism is not the one");
  }

  @Test
  void findsAReleaseThatIsSilentOnAdaptiveClipping() throws Exception {
    PublishedRun run =
        PublishedRun.in(root.resolve("run")).rounds(PublishedRun.adaptive(), 8, 3, null);
    ObjectNode second = manifest(run, "round-00000002");
    ((ObjectNode) second.get("mechanism")).remove("query");
    write(run, "round-00000002", second);
    ObjectNode third = manifest(run, "round-00000003");
    ((ObjectNode) third.at("/mechanism/query")).put("clipping_quantile", 0.25);
    write(run, "round-00000003", third);

    assertThat(verify(run)).isEqualTo(1);

    assertThat(out.toString())
        .contains("round-00000001  ok")
        .containsPattern("round-00000002 .*charged.* follows the 0.5-quantile of norms")
        .containsPattern("round-00000003 .*charged.* follows the 0.5-quantile of norms");
  }

  @Test
  void findsAReleaseWhoseChargeTheLedgerLost() throws Exception {
    PublishedRun run = published();
    List<String> records = Files.readAllLines(run.ledger());
    Files.write(run.ledger(), records.subList(0, records.size() - 1));

    assertThat(verify(run)).isEqualTo(1);

    assertThat(out.toString())
        .contains("round-00000005  the ledger holds no charge with the hash")
        .contains("3 of 4 releases are sound");
  }

  @Test
  void findsReleasesOfAnotherDomain() throws Exception {
    PublishedRun run = published();
    PublishedRun other =
        PublishedRun.in(root.resolve("other"), "letters", "models/tiny")
            .rounds(PublishedRun.MECHANISM, 8, 1, null);

    assertThat(run("verify", run.releases().toString(), "--ledger-file", other.ledger().toString()))
        .isEqualTo(1);

    assertThat(out.toString())
        .contains("it is of the domain chat but the ledger is that of letters");
  }

  /** Five charges, of which round 2 was lost in a failure and never published. */
  private PublishedRun published() throws Exception {
    return PublishedRun.in(root.resolve("run")).rounds(PublishedRun.MECHANISM, 8, 5, null, 2L);
  }

  private int verify(PublishedRun run, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of("verify", run.releases().toString(), "--ledger-file", run.ledger().toString()));
    arguments.addAll(List.of(more));
    return run(arguments.toArray(String[]::new));
  }

  private static ObjectNode manifest(PublishedRun run, String release) throws IOException {
    return (ObjectNode)
        new JsonMapper()
            .readTree(run.releases().resolve(release).resolve("manifest.json").toFile());
  }

  private static void write(PublishedRun run, String release, ObjectNode manifest)
      throws IOException {
    Files.writeString(
        run.releases().resolve(release).resolve("manifest.json"), manifest.toPrettyString());
  }

  @Test
  void calibrationsAreListedShownAndVerifiedButAreNoModels() throws Exception {
    PublishedRun run = PublishedRun.in(root.resolve("run")).calibrated(3);
    String store = run.releases().toString();

    assertThat(run("list", store)).isZero();
    assertThat(out.toString().lines())
        .hasSize(5)
        .element(1)
        .asString()
        .startsWith("calibration-00000001  chat ");
    assertThat(told("list", store, "--json"))
        .extracting(release -> release.get("kind").asText())
        .containsExactly("calibration", "model", "model", "model");
    assertThat(told("show", store, "calibration-00000001", "--json").get("kind").asText())
        .isEqualTo("calibration");
    assertThat(told("show", store, "--json").get("round").asLong()).isEqualTo(4);
    out.getBuffer().setLength(0);
    assertThat(run("show", store, "1")).isZero();
    assertThat(out.toString()).contains("# Privacy of this calibration");
    out.getBuffer().setLength(0);
    assertThat(verify(run)).isZero();
    assertThat(out.toString())
        .contains("calibration-00000001  ok")
        .contains("4 of 4 releases are sound");
    assertThat(Files.readSymbolicLink(run.releases().resolve("latest")))
        .hasToString("round-00000004");

    assertThat(run("prune", store, "--keep", "1")).isZero();
    DirectoryModelStore left = DirectoryModelStore.reading(run.releases());
    assertThat(left.published()).containsExactly("round-00000004");
    assertThat(left.calibrations()).containsExactly("calibration-00000001");
    assertThat(verify(run)).isZero();
  }

  @Test
  void findsCalibrationsThatSayOtherThanTheirFileOrTheLedger() throws Exception {
    PublishedRun run = PublishedRun.in(root.resolve("run")).calibrated(1);
    String name = "calibration-00000001";
    Path outcome = run.releases().resolve(name).resolve("calibration.json");
    String found = Files.readString(outcome);
    Files.writeString(outcome, found.replace("1000.5", "1000.25"));
    assertThat(verify(run)).isEqualTo(1);
    assertThat(out.toString())
        .contains(name + "  SHA-256 of calibration.json is")
        .contains("1 of 2 releases are sound");

    ObjectNode manifest = manifest(run, name);
    manifest.put("outcome_sha256", Digests.ofFile(Files.readAllBytes(outcome)));
    write(run, name, manifest);
    out.getBuffer().setLength(0);
    assertThat(verify(run)).isEqualTo(1);
    assertThat(out.toString()).contains("its manifest does not hold the outcome");

    manifest.set("outcome", new JsonMapper().readTree(outcome.toFile()));
    write(run, name, manifest);
    out.getBuffer().setLength(0);
    assertThat(verify(run)).isEqualTo(1);
    assertThat(out.toString())
        .contains(name + "  its noised numbers are not those that the ledger recorded");

    manifest.put("epsilon_spent", manifest.get("epsilon_spent").asDouble() * 0.9);
    manifest.put("ledger_hash", manifest(run, "round-00000002").get("ledger_hash").asText());
    write(run, name, manifest);
    out.getBuffer().setLength(0);
    assertThat(verify(run)).isEqualTo(1);
    assertThat(out.toString())
        .contains("its kind is calibration but the ledger charged model")
        .contains("is below the ")
        .contains("round-00000002  it names the same charge as " + name);

    Files.delete(outcome);
    out.getBuffer().setLength(0);
    assertThat(verify(run)).isEqualTo(1);
    assertThat(out.toString()).contains("there is no calibration.json");
  }

  private JsonNode told(String... arguments) throws IOException {
    out.getBuffer().setLength(0);
    assertThat(run(arguments)).isZero();
    return new JsonMapper().readTree(out.toString());
  }

  @Test
  void prunesAllButTheNewest() throws IOException {
    assertThat(run("prune", root.toString(), "--keep", "1")).isZero();

    assertThat(out.toString()).isEqualToIgnoringNewLines("removed 2 of 3 releases");
    assertThat(DirectoryModelStore.reading(root).published()).containsExactly("round-00000003");
    assertThat(run("prune", root.toString(), "--keep", "0")).isEqualTo(2);
    assertThat(err.toString()).contains("--keep must be at least 1 but is 0");
  }

  @Test
  void cleansWhatWasStagedLongAgoAndNeverPublished() throws IOException {
    Path staging = root.resolve(".staging");
    Path old = Files.createDirectory(staging.resolve("round-00000009-" + "ab".repeat(32)));
    Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofDays(31))));
    Files.createDirectory(staging.resolve("round-00000010-" + "ab".repeat(32)));

    assertThat(run("clean", root.toString(), "--older-than", "30d")).isZero();

    assertThat(out.toString()).isEqualToIgnoringNewLines("removed 1 staged releases");
    assertThat(staging).isDirectoryNotContaining(path -> path.equals(old)).isNotEmptyDirectory();
    assertThat(DirectoryModelStore.reading(root).published()).hasSize(3);
    // an age must be given: nothing is removed by default
    assertThat(run("clean", root.toString())).isEqualTo(2);
  }

  @Test
  void aStoreThatIsNotThereIsAnError() {
    assertThat(run("list", root.resolve("nowhere").toString())).isEqualTo(1);
    assertThat(err.toString()).contains("must be a directory that holds releases");
  }

  @Test
  void aCommandIsRequired() {
    assertThat(run()).isEqualTo(2);
    assertThat(err.toString())
        .contains("A command is required: list, show, verify, prune or clean");
  }
}
