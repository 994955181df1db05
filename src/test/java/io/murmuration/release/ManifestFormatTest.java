package io.murmuration.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.job.ConfiguredMechanism;
import io.murmuration.privacy.ledger.ChargeHistory;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.MechanismJson;
import io.murmuration.privacy.mechanism.PublicClock;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.RoundQuery.ModelUpdate;
import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;
import io.murmuration.privacy.mechanism.Sampler;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Both kinds of manifests, in every format that is read. */
class ManifestFormatTest {

  private static final JsonMapper JSON = new JsonMapper();

  private static final RoundMechanism ADAPTIVE =
      new RoundMechanism(
          Sampler.ULS,
          /* samplingProbability= */ 0.0625,
          /* groupSize= */ 2,
          /* noiseMultiplier= */ 0.9,
          /* clipNorm= */ 1.125,
          /* expectedUnits= */ 1024,
          new ModelUpdate(
              new AdaptiveClipping(/* quantile= */ 0.5, /* rate= */ 0.2, /* bitNoise= */ 50)));

  private static final RoundMechanism COUNTING =
      new RoundMechanism(
          Sampler.ULS,
          /* samplingProbability= */ 1,
          /* groupSize= */ 1,
          /* noiseMultiplier= */ 3,
          /* clipNorm= */ 1,
          /* expectedUnits= */ 1,
          new CountHistogram(List.of(1, 2, 4)));

  private static Grant grant(RoundMechanism mechanism) {
    return new Grant(3, 42, 142, 1, mechanism, 4.2, 1e-6, "ab".repeat(32));
  }

  private static ReleaseManifest model() {
    return ReleaseManifest.of(ReleaseFixtures.context(), grant(ADAPTIVE), "cd".repeat(32));
  }

  private static final Horizon HORIZON = new Horizon(2, 872, 3);

  private static ReleaseManifest lifetime() {
    Grant grant =
        new Grant(
            3,
            42,
            142,
            1,
            ADAPTIVE,
            4.2,
            1e-6,
            "ab".repeat(32),
            new PublicClock(1_000, 100),
            HORIZON);
    return ReleaseManifest.of(ReleaseFixtures.context(), grant, "cd".repeat(32));
  }

  private static ReleaseManifest correlated() {
    CorrelatedNoise noise = new CorrelatedNoise(List.of(50000, 40000), "0123456789abcdef");
    return ReleaseManifest.of(
        ReleaseFixtures.context(), grant(ADAPTIVE.withCorrelatedNoise(noise)), "cd".repeat(32));
  }

  private static CalibrationManifest calibration() {
    CalibrationOutcome outcome =
        new CalibrationOutcome(
            "counts",
            List.of(1.0, 2.0, 4.0),
            /* candidates= */ null,
            List.of(List.of(9.5, -0.25, 3.0)),
            /* noiseDeviation= */ 3,
            /* medianCount= */ 1,
            /* typicalNorms= */ null,
            ADAPTIVE,
            new CalibrationOutcome.BudgetSplit(0.5, 1e-7, 1, 1, 7.5, 9e-7, 1),
            /* joint= */ null);
    return CalibrationManifest.of(ReleaseFixtures.context(), grant(COUNTING), outcome.write());
  }

  /** Kind of a manifest and a way to read it. */
  private enum Kind {
    MODEL,
    LIFETIME,
    CORRELATED,
    CALIBRATION;

    Manifest written() {
      return switch (this) {
        case MODEL -> model();
        case LIFETIME -> lifetime();
        case CORRELATED -> correlated();
        case CALIBRATION -> calibration();
      };
    }

    Manifest read(byte[] json) throws IOException {
      return this == CALIBRATION ? CalibrationManifest.read(json) : ReleaseManifest.read(json);
    }
  }

  /** A field, by its path from the root. */
  private record Field(Kind kind, List<String> path) {

    ObjectNode parent(ObjectNode root) {
      JsonNode node = root;
      for (String name : path.subList(0, path.size() - 1)) {
        node = node.get(name);
      }
      return (ObjectNode) node;
    }

    String name() {
      return path.get(path.size() - 1);
    }

    @Override
    public String toString() {
      return kind + " " + String.join(".", path);
    }
  }

  static Stream<Field> fields() {
    return Stream.of(Kind.values())
        .flatMap(kind -> fieldsBelow(kind, kind.written().tree(), List.of()).stream());
  }

  private static List<Field> fieldsBelow(Kind kind, ObjectNode node, List<String> prefix) {
    List<Field> fields = new ArrayList<>();
    node.properties()
        .forEach(
            entry -> {
              List<String> path = new ArrayList<>(prefix);
              path.add(entry.getKey());
              fields.add(new Field(kind, path));
              if (entry.getValue() instanceof ObjectNode inner) {
                fields.addAll(fieldsBelow(kind, inner, path));
              }
            });
    return fields;
  }

  /** What an outcome of counts may lack: it is about norms, or comes before another measurement. */
  private static boolean isOptional(Field field) {
    return field.path().get(0).equals("outcome")
        && List.of("median_count", "chosen").contains(field.name());
  }

  private static byte[] bytes(JsonNode node) {
    return node.toString().getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void eachKindReadsWhatItWrote() throws IOException {
    for (Kind kind : Kind.values()) {
      assertThat(kind.read(kind.written().write())).isEqualTo(kind.written());
    }
  }

  @ParameterizedTest
  @MethodSource("fields")
  void refusesAFieldThatIsMissing(Field field) {
    ObjectNode manifest = field.kind().written().tree();
    field.parent(manifest).remove(field.name());
    if (isOptional(field) || field.name().equals("query")) {
      // without a query a mechanism is plain training: another one, which an audit tells apart
      assertThat(field)
          .satisfies(
              read ->
                  assertThat(read.kind().read(bytes(manifest)))
                      .isNotEqualTo(read.kind().written()));
    } else {
      assertThatThrownBy(() -> field.kind().read(bytes(manifest)))
          .isInstanceOf(IOException.class)
          .hasMessageContaining(field.name());
    }
  }

  @ParameterizedTest
  @MethodSource("fields")
  void refusesAFieldOfAnotherType(Field field) {
    JsonNode right = field.parent(field.kind().written().tree()).get(field.name());
    List<JsonNode> wrong = new ArrayList<>(List.of(JSON.createArrayNode().add("?")));
    if (!isOptional(field)) {
      wrong.add(JSON.nullNode());
    }
    wrong.add(
        right.isTextual()
            ? JSON.getNodeFactory().numberNode(1)
            : JSON.getNodeFactory().textNode("1"));
    if (right.isIntegralNumber()) {
      wrong.add(JSON.getNodeFactory().numberNode(1.5));
    }
    for (JsonNode other : wrong) {
      ObjectNode manifest = field.kind().written().tree();
      field.parent(manifest).set(field.name(), other);
      assertThatThrownBy(() -> field.kind().read(bytes(manifest)))
          .as("%s instead of %s", other, right)
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  void refusesAFieldTooManyATwinAndWhatFollowsTheObject() {
    for (Kind kind : Kind.values()) {
      ObjectNode more = kind.written().tree().put("cohort_size", 977);
      String json = kind.written().tree().toString();
      String twice =
          json.replace("\"epsilon_spent\":4.2", "\"epsilon_spent\":9,\"epsilon_spent\":4.2");
      assertThatThrownBy(() -> kind.read(bytes(more))).hasMessageContaining("cohort_size");
      assertThatThrownBy(() -> kind.read(twice.getBytes(StandardCharsets.UTF_8)))
          .hasMessageContaining("epsilon_spent");
      assertThatThrownBy(() -> kind.read((json + "{}").getBytes(StandardCharsets.UTF_8)))
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  void aNewerFormatIsNamedBeforeItsFields() {
    for (Kind kind : Kind.values()) {
      ObjectNode newer = kind.written().tree().put("format", 5).put("something_new", true);
      assertThatThrownBy(() -> kind.read(bytes(newer)))
          .hasMessage(
              "the manifest has format 5 but this version of Murmuration reads formats 1 to 4");
    }
  }

  @Test
  void saysWhoseLifetimeARoundCountsInAndWhichPromiseItIs() throws IOException {
    assertThat(lifetime().tree().at("/horizon").toString())
        .isEqualTo("{\"generation\":2,\"rounds\":872,\"first_round\":3}");
    assertThat(lifetime().tree().at("/format").asInt()).isEqualTo(3);
    assertThat(ReleaseManifest.read(lifetime().write()).lifetime()).contains(HORIZON);
    assertThat(lifetime().statement())
        .endsWith(
            "The budget is each user's: nobody's words influence more than 872 rounds of generation"
                + " 2, and training goes on without an end.");
    ObjectNode never = lifetime().tree();
    ((ObjectNode) never.get("horizon")).put("rounds", 0);
    assertThatThrownBy(() -> ReleaseManifest.read(bytes(never)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("rounds of a lifetime must be at least 1");
  }

  /** Releases of domains without lifetimes are what they were, to the byte. */
  @Test
  void withoutLifetimesTheFormatIsTheOneBefore() {
    for (Kind kind : List.of(Kind.MODEL, Kind.CALIBRATION)) {
      assertThat(kind.written().tree().get("format").asInt()).isEqualTo(2);
      assertThat(kind.written().tree().has("horizon")).isFalse();
      assertThat(kind.written().lifetime()).isEmpty();
      assertThat(kind.written().statement()).doesNotContain("lifetime", "each user's");
    }
    ObjectNode lifetimeOfFormat2 = lifetime().tree().put("format", 2);
    assertThatThrownBy(() -> ReleaseManifest.read(bytes(lifetimeOfFormat2)))
        .hasMessageContaining("horizon");
    ObjectNode calibrationOfFormat3 = calibration().tree().put("format", 3);
    assertThatThrownBy(() -> CalibrationManifest.read(bytes(calibrationOfFormat3)))
        .hasMessageContaining("nobody's lifetime");
  }

  @Test
  void saysHowNoiseIsCorrelated_inAFormatOfItsOwn() throws IOException {
    assertThat(correlated().tree().get("format").asInt()).isEqualTo(4);
    assertThat(correlated().tree().at("/mechanism/correlated_noise").toString())
        .isEqualTo("{\"coefficients\":[50000,40000],\"turn_key\":\"0123456789abcdef\"}");
    assertThat(correlated().tree().has("horizon")).isFalse();
    assertThat(MechanismInWords.of(correlated().mechanism()))
        .startsWith(
            "each user with probability 0.0625 over all rounds, 0.125 in every 2nd that is the user's turn, at most 2 examples of a user;")
        .endsWith("; noise multiplier 0.9, noise correlated over 2 rounds");
    ObjectNode ofFormat2 = correlated().tree().put("format", 2);
    assertThatThrownBy(() -> ReleaseManifest.read(bytes(ofFormat2)))
        .hasMessage("the mechanism has correlated_noise, which format 2 does not know");
    ObjectNode independent = model().tree().put("format", 4);
    assertThatThrownBy(() -> ReleaseManifest.read(bytes(independent)))
        .hasMessage("the mechanism must have correlated_noise, which format 4 is for");
  }

  @Test
  void noFormatLeavesOutHowNoiseIsCorrelated() throws IOException {
    ObjectNode silent = correlated().tree();
    ((ObjectNode) silent.get("mechanism")).remove("correlated_noise");
    assertThat(ReleaseManifest.read(bytes(silent.put("format", 2))).head().states(ADAPTIVE))
        .isTrue();
    ((ObjectNode) silent.get("mechanism")).remove("query");
    ManifestHead ofFormat1 = ReleaseManifest.read(bytes(silent.put("format", 1))).head();

    assertThat(ofFormat1.states(ADAPTIVE)).isTrue();
    assertThat(ofFormat1.states(correlated().mechanism())).isFalse();
  }

  @Test
  void oneKindIsNeverTakenForTheOther() {
    assertThatThrownBy(() -> ReleaseManifest.read(calibration().write()))
        .isInstanceOf(IOException.class);
    assertThatThrownBy(() -> CalibrationManifest.read(model().write()))
        .hasMessage("kind is required but is missing");
  }

  @Test
  void saysHowTheClipNormMovesAndWhatIsMeasured() {
    assertThat(model().tree().at("/mechanism/query").toString())
        .isEqualTo(
            "{\"kind\":\"update\",\"clipping_quantile\":0.5,\"clipping_rate\":0.2,\"bit_noise\":50.0}");
    assertThat(calibration().tree().at("/mechanism/query/kind").asText()).isEqualTo("counts");
    assertThat(calibration().tree().at("/outcome/chosen/query/kind").asText()).isEqualTo("update");
  }

  /** Releases that a version before format 2 wrote. */
  @Nested
  class FormatOne {

    private static final Path FIXTURES =
        Path.of("src/test/resources/io/murmuration/release/format-1");

    @TempDir private Path copy;

    private List<ReleaseAudit.Checked> audit(String run, Path releases) throws Exception {
      try (Ledger ledger = new FileLedger(copyOf(FIXTURES.resolve(run + "/ledger/chat.ledger")))) {
        return new ReleaseAudit(DirectoryModelStore.reading(releases))
            .verifyAgainst(
                ChargeHistory.of(
                    ledger.read(), ledger.location(), ConfiguredMechanism::accountant));
      }
    }

    private Path copyOf(Path file) throws IOException {
      return Files.copy(file, copy.resolve(file.getFileName().toString()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"adaptive", "calibrated"})
    void isReadAndVerifiedAgainstItsLedger(String run) throws Exception {
      List<ReleaseAudit.Checked> checked = audit(run, FIXTURES.resolve(run + "/releases"));

      assertThat(checked).isNotEmpty().allSatisfy(one -> assertThat(one.problems()).isEmpty());
      assertThat(checked)
          .allSatisfy(
              one -> {
                assertThat(one.manifest().head().format()).isEqualTo(1);
                Path file = FIXTURES.resolve(run + "/releases/" + one.name() + "/manifest.json");
                assertThat(JSON.readTree(one.manifest().write()))
                    .isEqualTo(JSON.readTree(file.toFile()));
              });
    }

    @Test
    void isHeldToWhatItSaysOfTheMechanism() throws Exception {
      Path releases = Files.createDirectory(copy.resolve("releases"));
      Path release = Files.createDirectory(releases.resolve("round-00000001"));
      try (Stream<Path> files = Files.list(FIXTURES.resolve("adaptive/releases/round-00000001"))) {
        for (Path file : files.toList()) {
          Files.copy(file, release.resolve(file.getFileName().toString()));
        }
      }
      Path manifest = release.resolve("manifest.json");
      Files.writeString(
          manifest,
          Files.readString(manifest).replace("\"clip_norm\" : 1.0", "\"clip_norm\" : 1.5"));

      assertThat(audit("adaptive", releases).get(0).problems())
          .singleElement()
          .asString()
          .startsWith("its mechanism is not the one that was charged, which is: each user with");
    }
  }

  /** For consumers of other languages, who have no more than the page. */
  @Test
  void theServingPageNamesEveryField() throws IOException {
    String page = Files.readString(Path.of("docs/serving.md"));
    TreeSet<String> fields = new TreeSet<>();
    for (Kind kind : Kind.values()) {
      ObjectNode tree = kind.written().tree();
      tree.remove("outcome"); // has a page of its own
      fields.add("outcome");
      collectFields(tree, fields);
    }
    ObjectNode norms = JSON.createObjectNode();
    NormHistograms query = new NormHistograms(List.of(1, 2), 0.01, /* ratio= */ 2, /* bins= */ 8);
    MechanismJson.write(
        new RoundMechanism(Sampler.ULS, 0.1, 2, 1, /* clipNorm= */ Math.sqrt(2), 1, query), norms);
    collectFields(norms, fields);

    assertThat(fields)
        .hasSizeGreaterThan(35)
        .allSatisfy(f -> assertThat(page).contains("`" + f + "`"));
  }

  private static void collectFields(JsonNode node, Set<String> fields) {
    node.properties()
        .forEach(
            field -> {
              fields.add(field.getKey());
              collectFields(field.getValue(), fields);
            });
  }
}
