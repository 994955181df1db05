package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.murmuration.config.ConfigFile;
import io.murmuration.config.HorizonConfig;
import io.murmuration.config.MurmurationConfig;
import io.murmuration.job.ConfiguredMechanism;
import io.murmuration.model.TinyModels;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlanCommandTest {

  private static final String TERMS = "--population 1e4 -B 4096 -T 2000 --epsilon 4 --delta 1e-6";

  private static final String COUNTS = " --count-quantiles 0.2=1,0.5=4,0.9=28,0.99=117,1=2527";

  private static final String REQUIRED =
      " --set privacy.domain=chat --set kafka.bootstrap-servers=localhost:9092"
          + " --set releases.directory=/releases --model /models/base";

  @TempDir Path directory;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String arguments) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return Murmuration.commandLine()
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(("plan --precision 1e-3 " + arguments).split(" +"));
  }

  private JsonNode json() throws IOException {
    return new ObjectMapper().readTree(out.toString());
  }

  @ParameterizedTest
  @CsvSource({"3, 8", "24, 16"})
  void userLevel_isTheBoundOfTheLeastNoise(double diversity, int expected) throws IOException {
    assertThat(run(TERMS + " --json --diversity " + diversity)).isZero();

    assertThat(json().at("/recommended/group_size").asInt()).isEqualTo(expected);
    assertThat(json().at("/recommended/sampling").asText()).isEqualTo("uls");
    assertThat(json().get("els").isNull()).isTrue();
    assertThat(json().get("rows")).hasSize(7);
    assertThat(json().has("warning")).isFalse();
  }

  @Test
  void withCounts_theMedianIsTheBoundOfExampleLevel_andWhatIsKeptIsShown() throws IOException {
    assertThat(run(TERMS + COUNTS + " --norms 1=10,64=4 --json")).isZero();

    assertThat(json().at("/els/group_size").asInt()).isEqualTo(4);
    assertThat(json().at("/els/clip_norm").asDouble()).isCloseTo(10, within(1e-9));
    assertThat(json().at("/recommended/sampling").asText()).isEqualTo("uls");
    JsonNode largest = json().at("/rows/7");
    assertThat(largest.get("group_size").asInt()).isGreaterThan(2400);
    assertThat(largest.get("examples_kept").asDouble()).isEqualTo(1);
    assertThat(largest.at("/uls/noise").asDouble())
        .isGreaterThan(20 * json().at("/uls/noise").asDouble());
    assertThat(json().at("/rows/0/whole_users").asDouble()).isCloseTo(0.2, within(1e-6));
  }

  @Test
  void withoutRoundsItPlansForThoseThatWereBest_andShowsWhatOthersWouldLeave() throws Exception {
    String terms = "--population 15000 -B 8192 --epsilon 8 --delta 1e-6 --diversity 3 -G 4";
    assertThat(run(terms + " --json")).as(err.toString()).isZero();
    assertThat(json().get("rounds").asLong()).isEqualTo(75);
    JsonNode others = json().get("other_rounds");
    assertThat(others)
        .extracting(row -> row.get("rounds").asLong())
        .containsExactly(19L, 38L, 75L, 150L);
    JsonNode planned = others.get(2);
    assertThat(planned.get("relative_noise").asDouble()).isEqualTo(1);
    assertThat(planned.get("noise_multiplier")).isEqualTo(json().at("/uls/noise_multiplier"));
    JsonNode twice = others.get(3);
    assertThat(twice.get("expected_units").asDouble()).isEqualTo(1024);
    // computed apart: sigma 1.1081 at M 2048 and T 75, 0.9093 at M 1024 and T 150
    assertThat(twice.get("noise_multiplier").asDouble()).isCloseTo(0.9093, within(2e-3));
    assertThat(twice.get("relative_noise").asDouble())
        .isCloseTo(0.9093 / 1024 / Math.sqrt(150) / (1.1081 / 2048 / Math.sqrt(75)), within(5e-3));
    assertThat(run(terms)).isZero();
    assertThat(out.toString()).contains("the same gradients in other rounds");
  }

  @Test
  void horizon_isThePlansRoundsAsALifetime() throws IOException {
    assertThat(run(TERMS + COUNTS + " --norms 1=10,64=4 --horizon --round-interval 1min --json"))
        .as(err.toString())
        .isZero();
    JsonNode horizon = json().get("horizon");
    JsonNode planned = json().get("recommended");
    long rounds = horizon.get("horizon_rounds").asLong();

    assertThat(rounds).isGreaterThanOrEqualTo(json().get("rounds").asLong());
    assertThat(horizon.get("epsilon").asDouble())
        .isLessThanOrEqualTo(json().get("epsilon").asDouble());
    assertThat(horizon.get("horizon_seconds").asDouble()).isEqualTo(60.0 * rounds);
    assertThat(horizon.get("new_users_per_round").asDouble())
        .isCloseTo(
            planned.get("expected_units").asDouble() / (planned.get("q").asDouble() * rounds),
            within(1e-9));
  }

  @Test
  void horizon_writesAConfigurationWithLifetimes() throws IOException {
    Path file = directory.resolve("lifetimes.yaml");
    String question =
        TERMS + COUNTS + " --diversity 3 --group-sizes 8 --sampler uls --json --generations 2";
    assertThat(run(question)).isEqualTo(2);
    assertThat(err.toString()).contains("--generations belong to --horizon");
    assertThat(run(question + " --horizon" + REQUIRED + " --write-config " + file)).isEqualTo(2);
    assertThat(err.toString()).contains("horizon.id-key-file is required");
    out.getBuffer().setLength(0);

    int exit =
        run(
            question
                + " --horizon --set horizon.id-key-file=/keys/ids"
                + REQUIRED
                + " --write-config "
                + file);

    assertThat(exit).as(err.toString()).isZero();
    MurmurationConfig config = MurmurationConfig.of(ConfigFile.read(file));
    assertThat(config.privacy().horizon()).isEqualTo(new HorizonConfig(true, 2, null, "/keys/ids"));
    assertThat(config.privacy().rounds()).isEmpty();
    assertThat(config.privacy().epsilon()).isEqualTo(2 * json().get("epsilon").asDouble());
    RoundMechanism round = ConfiguredMechanism.of(config.privacy());
    PrivacyLoss share = ConfiguredMechanism.share(config.privacy());
    long planned = json().at("/horizon/horizon_rounds").asLong();
    assertThat(planned).isGreaterThanOrEqualTo(json().get("rounds").asLong());
    assertThat(
            ConfiguredMechanism.accountant(round, share.epsilon(), share.delta())
                .affordableRounds())
        .as("the job's own accountant, which is more precise than these terms")
        .isBetween(planned, planned + planned / 100);
  }

  @Test
  void people_readATableWithARecommendation() {
    assertThat(run(TERMS + COUNTS + " --diversity 3 --group-sizes 8")).isZero();

    assertThat(out.toString())
        .containsPattern("(?m)^ +8 .* 512\\.0 ")
        .containsPattern("(?m)^ +4 ")
        .contains("ULS, least noise:  G = 8", "ELS, median count: G = 4", "recommended: ULS");
  }

  @ParameterizedTest
  @CsvSource({"ULS, 8, 8, 7", "ELS, 4, 1, 4"})
  void writeConfig_isReadyForRun(Sampler sampler, int groupSize, int perWindow, int windows)
      throws IOException {
    Path file = directory.resolve("plan.yaml");

    int exit =
        run(
            TERMS
                + COUNTS
                + " --diversity 3 --group-sizes 8 --json --sampler "
                + sampler
                + REQUIRED
                + " --write-config "
                + file);

    assertThat(exit).as(err.toString()).isZero();
    MurmurationConfig config = MurmurationConfig.of(ConfigFile.read(file));
    RoundMechanism round = ConfiguredMechanism.of(config.privacy());
    JsonNode planned = json().get("recommended");
    assertThat(round.sampler()).isEqualTo(sampler);
    assertThat(round.groupSize()).isEqualTo(groupSize);
    assertThat(round.noiseMultiplier()).isEqualTo(planned.get("noise_multiplier").asDouble());
    assertThat(round.expectedUnits()).isEqualTo(planned.get("expected_units").asDouble());
    assertThat(round.clipNorm()).isEqualTo(planned.get("clip_norm").asDouble());
    assertThat(config.training().model()).isEqualTo("/models/base");
    assertThat(config.contribution().examplesPerWindow()).isEqualTo(perWindow);
    assertThat(config.contribution().windows()).isEqualTo(windows);
    Mechanism accounted =
        sampler == Sampler.ULS
            ? Mechanism.uls(round.samplingProbability(), round.noiseMultiplier())
            : Mechanism.els(round.samplingProbability(), groupSize, round.noiseMultiplier());
    assertThat(new PldAccountant(1e-3).epsilon(accounted, 2000, 1e-6)).isLessThanOrEqualTo(4);
  }

  private static final String CORRELATED =
      "--population 15238 -B 256 -T 300 --epsilon 8 --delta 1e-6 --diversity 0 --group-sizes 1";

  @Test
  void bands_areThoseThatLeaveTheLeastNoise() throws IOException {
    Path file = directory.resolve("plan.yaml");

    int exit = run(CORRELATED + " --bands auto --json" + REQUIRED + " --write-config " + file);

    assertThat(exit).as(err.toString()).isZero();
    JsonNode bands = json().get("noise_bands");
    assertThat(bands.get("planned").asInt()).isEqualTo(16);
    assertThat(bands.get("candidates")).hasSize(6);
    assertThat(bands.at("/candidates/0/relative_noise").asDouble()).isEqualTo(1);
    assertThat(bands.at("/candidates/4/relative_noise").asDouble()).isCloseTo(0.57, within(0.01));
    MurmurationConfig config = MurmurationConfig.of(ConfigFile.read(file));
    RoundMechanism round = ConfiguredMechanism.of(config.privacy());
    assertThat(round.bands()).isEqualTo(16);
    assertThat(round.samplingProbability()).isEqualTo(256.0 / 15238);
    assertThat(round.noiseMultiplier())
        .isEqualTo(bands.at("/candidates/4/noise_multiplier").asDouble());
    assertThat(new PldAccountant(1e-3).epsilon(round.accounted(), 300, 1e-6))
        .isLessThanOrEqualTo(8);
  }

  @Test
  void bands_areATableForPeople_andMayBeAskedFor() throws IOException {
    Path file = directory.resolve("plan.yaml");

    assertThat(run(CORRELATED + " --bands 4" + REQUIRED + " --write-config " + file)).isZero();

    assertThat(out.toString())
        .containsPattern("(?m)^ +16 +0\\.2688 .* 5[67]\\..% +15·8·P$")
        .contains("planned: noise correlated over 4 rounds");
    assertThat(ConfigFile.read(file)).containsEntry("privacy.noise-bands", "4");
    refused(CORRELATED + " --bands 5", "--bands must be one of [1, 2, 4, 8, 16, 32]");
    refused(CORRELATED + " --bands 4 --horizon", "--horizon counts rounds");
  }

  @Test
  void writeConfig_poolFollowsTheBound() throws IOException {
    Path file = directory.resolve("plan.yaml");
    String arguments = TERMS + " --diversity 24 --counts 13=1 --group-sizes 64" + REQUIRED;

    assertThat(run(arguments + " --sampler els --write-config " + file)).isZero();
    // 13 in 7 windows would be 7 at most; 6 windows of 2 leave 12
    assertThat(ConfigFile.read(file))
        .containsEntry("contribution.windows", "6")
        .containsEntry("contribution.examples-per-window", "2");

    assertThat(
            run(
                TERMS
                    + " --diversity 24 --group-sizes 64 --set contribution.windows=3"
                    + REQUIRED
                    + " --write-config "
                    + file))
        .isZero();
    assertThat(ConfigFile.read(file))
        .containsEntry("contribution.windows", "3")
        .containsEntry("contribution.examples-per-window", "22");
  }

  @Test
  void events_areMeasuredWithTheModel_andTheLookIsWarnedOf() throws IOException {
    Path model = TinyModels.write(directory.resolve("model"), TinyModels.QWEN2, 2);
    List<String> lines = new ArrayList<>();
    for (int user = 0; user < 9; user++) {
      for (int i = 0; i <= user; i++) {
        lines.add(
            "{\"user_id\": \"u%d\", \"event_time\": \"2026-01-01T00:00:00Z\", \"text\": \"%s\"}"
                .formatted(user, "abcdefghi".substring(i) + i));
      }
    }
    Path events = Files.write(directory.resolve("events.jsonl"), lines);
    String arguments =
        "-n 100 -B 50 -T 10 --epsilon 8 --delta 1e-6 --sample 9 --set training.max-tokens=8"
            + " --events "
            + events
            + " --model "
            + model;

    assertThat(run(arguments + " --json")).as(err.toString()).isZero();
    JsonNode first = json();
    assertThat(first.at("/els/group_size").asInt()).isEqualTo(5);
    assertThat(first.at("/rows/0/norm").asDouble())
        .isPositive()
        .isEqualTo(first.at("/els/clip_norm").asDouble());
    assertThat(first.at("/rows/0/examples_kept").asDouble()).isCloseTo(9 / 45.0, within(1e-12));
    assertThat(first.get("warning").asText()).isEqualTo(PopulationOptions.UNACCOUNTED);
    assertThat(run(arguments + " --json")).isZero();
    assertThat(json()).isEqualTo(first);
    assertThat(run(arguments)).isZero();
    assertThat(out.toString()).contains(PopulationOptions.UNACCOUNTED);
  }

  /**
   * 4,000 trained numbers of a tiny model are 0.01 of an update by 4,096 people; by 32, too much.
   */
  @ParameterizedTest
  @CsvSource({
    "'-n 15000 -B 4096 -T 200 --epsilon 8', ALL",
    "'-n 15000 -B 4096 -T 200 --epsilon 8 --set training.lora.rank=4', ",
    "'-n 15000 -B 4096 -T 200 --epsilon 8 --set training.parameters=LORA', LORA",
    "'-n 64 -B 32 -T 20 --epsilon 0.5', ",
  })
  void writeConfig_trainsAllParameters_whereNoiseAllowsItAndNobodySaidOtherwise(
      String terms, String expected) throws IOException {
    Path model = TinyModels.write(directory.resolve("model"), TinyModels.QWEN2, 2);
    Path file = directory.resolve("plan.yaml");

    assertThat(
            run(
                terms
                    + " --delta 1e-6 --diversity 3"
                    + REQUIRED.replace("/models/base", model.toString())
                    + " --write-config "
                    + file))
        .as(err.toString())
        .isZero();

    assertThat(ConfigFile.read(file).get("training.parameters")).isEqualTo(expected);
  }

  @Test
  void plot_isWritten() throws IOException {
    Path png = directory.resolve("plan.png");
    Path svg = directory.resolve("plan.svg");

    assertThat(run(TERMS + COUNTS + " --diversity 3 --group-sizes 2 --plot " + png)).isZero();
    assertThat(run(TERMS + " --diversity 3 --group-sizes 2,8 --plot " + svg)).isZero();

    assertThat(Files.readAllBytes(png)).startsWith(0x89, 'P', 'N', 'G');
    assertThat(Files.readString(svg).strip().endsWith("</svg>")).isTrue();
  }

  @Test
  void wrongUsage_saysWhatIsMissing() {
    refused(TERMS, "--events and --model, --norms or --diversity");
    refused(TERMS + " --norms 4=1", "two or more group sizes");
    refused(TERMS + " --diversity -1", "diversity");
    refused(TERMS + " --diversity 1 --counts 0=1", "at least 1 example");
    refused(TERMS + " --diversity 1 --count-quantiles 0.5=4", "quantile 1");
    refused(TERMS + " --diversity 1 --plot plan.gif", ".svg or .png");
    refused(TERMS + " --diversity 1 --group-sizes 1 --write-config x.yaml", "privacy.domain");
    refused(TERMS.replace("1e4", "100") + " --diversity 1 --group-sizes 1,2", "lower --compute");
    refused(TERMS.replace("1e4", "0") + " --diversity 1", "population must be at least 1");
    assertThat(Path.of("x.yaml")).doesNotExist();
  }

  private void refused(String arguments, String reason) {
    assertThat(run(arguments)).as(arguments).isEqualTo(2);
    assertThat(err.toString()).contains(reason);
  }
}
