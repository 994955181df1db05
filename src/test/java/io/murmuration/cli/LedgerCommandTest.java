package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.Guarantee;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class LedgerCommandTest {

  @TempDir Path directory;
  private Path file;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @BeforeEach
  void writeLedger() throws Exception {
    file = directory.resolve("ledger.jsonl");
    write(
        new LedgerRecord.Genesis(
            "starlings",
            LedgerRecord.UNIT,
            LedgerRecord.NEIGHBOURING_RELATION,
            8,
            1e-6,
            1_000,
            500),
        new LedgerRecord.EpochOpened(1, "job"),
        new LedgerRecord.PhaseOpened(
            1, 1, new RoundMechanism(Sampler.ULS, 0.1, 4, 1, 0.5, 16), 8, 1e-6, 150),
        new LedgerRecord.Charge(1, 1, 3, 1));
  }

  private void write(LedgerRecord... records) throws Exception {
    try (Ledger ledger = new FileLedger(file)) {
      ledger.open();
      LedgerState state = LedgerState.empty();
      for (LedgerRecord record : records) {
        LedgerEntry entry = LedgerEntry.after(state, record);
        ledger.append(entry);
        state = state.apply(entry);
      }
    }
  }

  @Test
  void showsWhatIsSpentForPeopleAndPrograms() throws Exception {
    assertThat(run("show", "--file", file.toString())).isZero();
    assertThat(out.toString())
        .contains("domain    starlings")
        .contains("budget    epsilon 8.0, delta 1.0E-6")
        .contains(
            "phase 1   training; epsilon 8.0, delta 1.0E-6, at most 150 rounds",
            "          each user with probability 0.1, at most 4 examples of a user",
            "          updates clipped to 0.5 and divided by 16",
            "          noise multiplier 1")
        .contains("charged   rounds: 1")
        .doesNotContain("calibrated")
        .contains("halted    no");
    out.getBuffer().setLength(0);
    assertThat(run("show", "--json", "--file", file.toString())).isZero();
    JsonNode json = new ObjectMapper().readTree(out.toString());
    assertThat(json.get("rounds").asInt()).isEqualTo(1);
    assertThat(json.get("phase").get("max_rounds").asInt()).isEqualTo(150);
    assertThat(json.get("phase").get("purpose").asText()).isEqualTo("training");
    assertThat(json.get("calibrations")).isEmpty();
    assertThat(json.get("epsilon_reserved").asDouble()).isEqualTo(8);
    assertThat(json.get("halted").isNull()).isTrue();
  }

  private void writeLifetimes(long rounds) throws Exception {
    file = directory.resolve("lifetimes.jsonl");
    RoundMechanism mechanism = new RoundMechanism(Sampler.ULS, 0.067, 1, 2, 1, 16);
    SortedMap<String, String> identity = new TreeMap<>(Map.of("id-key", "00ff"));
    write(
        new LedgerRecord.Genesis(
            "starlings",
            LedgerRecord.UNIT,
            LedgerRecord.NEIGHBOURING_RELATION,
            4,
            2e-6,
            1_000,
            500,
            2),
        new LedgerRecord.EpochOpened(1, "job"),
        new LedgerRecord.GenerationOpened(1, 1, identity),
        new LedgerRecord.PhaseOpened(1, 1, mechanism, 2, 1e-6, rounds, null, 1),
        new LedgerRecord.Charge(1, 1, 3, 1));
  }

  @Test
  void saysWhichPromiseItIs() throws Exception {
    assertThat(run("show", "--file", file.toString())).isZero();
    assertThat(out.toString()).contains("promise   " + Guarantee.PROMISE_OF_THE_DOMAIN);
    out.getBuffer().setLength(0);
    writeLifetimes(132);
    String promise =
        "The budget is each user's: nobody's words influence more than 132 rounds of generation 1,"
            + " and training goes on without an end.";
    assertThat(run("show", "--file", file.toString())).isZero();
    assertThat(out.toString())
        .contains(
            "promise   " + promise,
            "generation 1 of 2, since epoch 1; users are counted by {id-key=00ff}",
            "at most 132 rounds of a user in generation 1");
    out.getBuffer().setLength(0);
    assertThat(run("show", "--json", "--file", file.toString())).isZero();
    JsonNode json = new ObjectMapper().readTree(out.toString());
    assertThat(json.get("promise").asText()).isEqualTo(promise);
    assertThat(json.get("generations").asInt()).isEqualTo(2);
    assertThat(json.at("/horizon/rounds").asLong()).isEqualTo(132);
    assertThat(json.at("/generations_opened/0/identity/id-key").asText()).isEqualTo("00ff");
  }

  @Test
  void computesAnewHowManyRoundsALifetimeHas() throws Exception {
    writeLifetimes(132);
    assertThat(run("verify", "--json", "--file", file.toString())).isZero();
    JsonNode lifetime = new ObjectMapper().readTree(out.toString()).get("lifetimes").get(0);
    assertThat(lifetime.get("horizon_rounds").asLong()).isEqualTo(132);
    assertThat(lifetime.get("epsilon").asDouble()).isBetween(1.98, 2.0);
    out.getBuffer().setLength(0);
    assertThat(run("verify", "--file", file.toString())).isZero();
    assertThat(out.toString()).contains("generation 1: at most 132 rounds of one user, computed");
  }

  /** Planted: more rounds of a user than the share affords, in a chain that is whole. */
  @Test
  void aLifetimeThatItsShareDoesNotCoverIsFound() throws Exception {
    writeLifetimes(140);
    assertThat(run("verify", "--file", file.toString())).isNotZero();
    assertThat(err.toString())
        .contains("a user may take part in 140 rounds of generation 1", "does not cover");
  }

  @Test
  void showsWhatEveryPhaseIsForAndWhatCalibrationsFound() throws Exception {
    file = directory.resolve("calibrated.jsonl");
    RoundMechanism counting =
        new RoundMechanism(
            Sampler.ELS, 1, 1, 3, 1, 1, new RoundQuery.CountHistogram(List.of(1, 2, 4)));
    write(
        new LedgerRecord.Genesis(
            "starlings", LedgerRecord.UNIT, LedgerRecord.NEIGHBOURING_RELATION, 8, 1e-6, 1_000, 5),
        new LedgerRecord.EpochOpened(1, "job"),
        new LedgerRecord.PhaseOpened(1, 1, counting, 1, 1e-7, 2),
        new LedgerRecord.Charge(1, 1, 3, 1),
        new LedgerRecord.Calibrated(1, 1, 1, List.of(-0.25, 17.5, 3.0)),
        new LedgerRecord.PhaseOpened(
            1, 2, new RoundMechanism(Sampler.ELS, 0.1, 6, 1, 0.5, 16), 7, 9e-7, 150));

    assertThat(run("show", "--file", file.toString())).isZero();
    assertThat(out.toString())
        .contains("phase 1   calibration: events a user; epsilon 1.0, delta 1.0E-7")
        .contains("calibrated by round 1, in epoch 1; noised: [-0.25, 17.5, 3.0]")
        .contains("phase 2   training; epsilon 7.0, delta 9.0E-7, at most 150 rounds");

    out.getBuffer().setLength(0);
    assertThat(run("show", "--json", "--file", file.toString())).isZero();
    JsonNode json = new ObjectMapper().readTree(out.toString());
    assertThat(json.get("phases")).hasSize(2);
    assertThat(json.get("phases").get(0).get("purpose").asText())
        .isEqualTo("calibration: events a user");
    assertThat(json.get("phases").get(0).get("epsilon").asDouble()).isEqualTo(1);
    assertThat(json.get("phase").get("purpose").asText()).isEqualTo("training");
    assertThat(json.get("calibrations")).hasSize(1);
    JsonNode calibration = json.get("calibrations").get(0);
    assertThat(calibration.get("round").asLong()).isEqualTo(1);
    assertThat(calibration.get("phase").asInt()).isEqualTo(1);
    assertThat(calibration.get("noised").toString()).isEqualTo("[-0.25,17.5,3.0]");
  }

  @Test
  void saysWhatBecameOfTheRounds() throws Exception {
    // three epochs: the first loses its last two rounds, the second its only one
    PublishedRun run =
        PublishedRun.in(directory)
            .rounds(PublishedRun.MECHANISM, 8, /* rounds= */ 5, /* halt= */ null, 4L, 5L)
            .rounds(PublishedRun.MECHANISM, 8, /* rounds= */ 1, /* halt= */ null, 6L)
            .rounds(PublishedRun.MECHANISM, 8, /* rounds= */ 3, /* halt= */ null, 9L);
    String ledger = run.ledger().toString();

    assertThat(run("show", "--file", ledger)).isZero();
    assertThat(out.toString())
        .contains("rounds    9 charged, at least 6 of them executed; --releases tells what");
    out.getBuffer().setLength(0);
    assertThat(run("show", "--file", ledger, "--releases", run.releases().toString())).isZero();
    assertThat(out.toString())
        .contains(
            "rounds    9 charged, at least 6 of them executed, 5 durable and published,"
                + " 1 not published yet (9), 3 lost (4-6)");
    out.getBuffer().setLength(0);
    assertThat(run("show", "--json", "--file", ledger, "--releases", run.releases().toString()))
        .isZero();
    JsonNode account = new ObjectMapper().readTree(out.toString()).get("account");
    assertThat(account)
        .hasToString(
            "{\"charged\":9,\"executed_at_least\":6,\"durable_at_least\":5,\"published\":5,"
                + "\"not_published_yet\":[9],\"before_oldest_release\":[],\"lost\":[4,5,6]}");
  }

  @Test
  void saysOverHowManyRoundsNoiseIsCorrelated() throws Exception {
    PublishedRun run =
        PublishedRun.in(directory)
            .rounds(PublishedRun.correlated(40000, 30000), 8, /* rounds= */ 3, /* halt= */ null);
    String ledger = run.ledger().toString();

    assertThat(run("show", "--file", ledger)).isZero();
    assertThat(out.toString())
        .contains("each user with probability 0.0625 over all rounds, 0.125 in every 2nd that is")
        .contains("noise multiplier 0.9, noise correlated over 2 rounds");
    out.getBuffer().setLength(0);
    assertThat(run("show", "--json", "--file", ledger)).isZero();
    assertThat(new ObjectMapper().readTree(out.toString()).toString())
        .contains("\"noise_bands\":2,\"turn_key\":\"0123456789abcdef\"");
    assertThat(run("verify", "--file", ledger)).isZero();
  }

  @Test
  void tellsLostRoundsFromPrunedOnes_andNoStoreFromAnother() throws Exception {
    PublishedRun run =
        PublishedRun.in(directory)
            .rounds(PublishedRun.MECHANISM, 8, /* rounds= */ 4, /* halt= */ null, 3L);
    DirectoryModelStore.reading(run.releases()).remove("round-00000001");
    String store = run.releases().toString();

    assertThat(run("show", "--file", run.ledger().toString(), "--releases", store)).isZero();
    assertThat(out.toString())
        .contains("1 before the oldest release, lost or pruned (1), 1 lost (3)");

    // the ledger of another domain, which was begun in setUp
    assertThat(run("show", "--file", file.toString(), "--releases", store)).isEqualTo(1);
    assertThat(err.toString()).contains("releases of the privacy domain chat");
  }

  /** A domain that reserves (ε, 10⁻⁶) jointly, for one look and one of two mechanisms. */
  private void writeJoint(double epsilon) throws Exception {
    file = directory.resolve("joint.jsonl");
    RoundMechanism look = new RoundMechanism(Sampler.ULS, 0.1, 4, 2, 1, 1);
    RoundMechanism broad = new RoundMechanism(Sampler.ULS, 0.05, 1, 1, 0.5, 16);
    RoundMechanism narrow = new RoundMechanism(Sampler.ULS, 0.0125, 4, 0.7, 0.5, 16);
    write(
        new LedgerRecord.Genesis(
            "starlings", LedgerRecord.UNIT, LedgerRecord.NEIGHBOURING_RELATION, 8, 1e-6, 1_000, 5),
        new LedgerRecord.EpochOpened(1, "job"),
        new LedgerRecord.JointlyReserved(
            1,
            List.of(
                new LedgerRecord.Slot(1, List.of(LedgerRecord.Option.of(look, 1))),
                new LedgerRecord.Slot(
                    2,
                    List.of(
                        LedgerRecord.Option.of(broad, 10), LedgerRecord.Option.of(narrow, 10)))),
            epsilon,
            1e-6),
        new LedgerRecord.PhaseOpened(1, 1, broad, epsilon, 1e-6, 10, /* slot= */ 2),
        new LedgerRecord.Charge(1, 1, 3, 1));
  }

  @Test
  void computesWhatIsReservedJointlyFromTheRecordsAlone() throws Exception {
    writeJoint(5);

    assertThat(run("show", "--file", file.toString())).isZero();
    assertThat(out.toString())
        .contains("joint     epsilon 5.0, delta 1.0E-6 for 2 slots; computed from them: epsilon ")
        .contains("slot 2: 2 times one of 2, at most 10 rounds each")
        .contains("phase 1   training; slot 2 of what is reserved jointly, at most 10 rounds");
    out.getBuffer().setLength(0);
    assertThat(run("verify", "--json", "--file", file.toString())).isZero();
    JsonNode joint = new ObjectMapper().readTree(out.toString()).get("joint").get(0);
    assertThat(joint.get("epsilon").asDouble()).isBetween(1.5, 5.0);
    assertThat(joint.get("epsilon_reserved").asDouble()).isEqualTo(5);
  }

  @Test
  void aReservationThatSaysLessThanItsSlotsCostIsFound() throws Exception {
    writeJoint(1);

    assertThat(run("verify", "--file", file.toString())).isEqualTo(1);
    assertThat(err.toString())
        .contains("says epsilon 1.0, delta 1.0E-6, but its slots cost epsilon ");
  }

  @Test
  void verifiesAWholeLedgerAndNamesTheDamageOfAnother() throws Exception {
    assertThat(run("verify", "--json", "--file", file.toString())).isZero();
    assertThat(new ObjectMapper().readTree(out.toString()).get("records").asInt()).isEqualTo(4);
    Files.writeString(file, Files.readString(file).replace("\"round\":1", "\"round\":2"));
    assertThat(run("verify", "--file", file.toString())).isEqualTo(1);
    assertThat(err.toString()).contains(file.toString()).contains("damaged at record 3");
  }

  @Test
  void exportsTheRecordsAsTheyAre() throws Exception {
    Path target = directory.resolve("copy.jsonl");
    assertThat(run("export", "--file", file.toString(), "--out", target.toString())).isZero();
    assertThat(target).hasSameTextualContentAs(file);
    assertThat(run("export", "--file", file.toString(), "--out", target.toString())).isEqualTo(1);
  }

  @Test
  void doesNotDisturbTheHolder() throws Exception {
    try (Ledger holder = new FileLedger(file)) {
      LedgerState state = LedgerState.of(holder.open(), holder.location());
      assertThat(run("verify", "--file", file.toString())).isZero();
      holder.append(LedgerEntry.after(state, new LedgerRecord.EpochOpened(2, "job")));
    }
    assertThat(Files.readAllLines(file)).hasSize(5);
  }

  @Test
  void saysWhatIsMissing() {
    assertThat(run("verify", "--file", directory.resolve("none").toString())).isEqualTo(1);
    assertThat(err.toString()).contains("there is no ledger; check --file");
    assertThat(run("show")).isEqualTo(2);
    assertThat(run("show", "--topic", "t")).isEqualTo(2);
    assertThat(run()).isEqualTo(2);
  }

  private int run(String... arguments) {
    CommandLine commandLine = Murmuration.commandLine();
    if (!commandLine.getSubcommands().containsKey("ledger")) {
      commandLine.addSubcommand(new LedgerCommand());
    }
    commandLine.setExecutionExceptionHandler(
        (exception, command, parsed) -> {
          command.getErr().println(exception.getMessage());
          return 1;
        });
    commandLine.setOut(new PrintWriter(out, true));
    commandLine.setErr(new PrintWriter(err, true));
    String[] all = new String[arguments.length + 1];
    all[0] = "ledger";
    System.arraycopy(arguments, 0, all, 1, arguments.length);
    return commandLine.execute(all);
  }
}
