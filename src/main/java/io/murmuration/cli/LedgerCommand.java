package io.murmuration.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Slot;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.ledger.LedgerState.LedgerPhase;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.MechanismInWords;
import io.murmuration.release.ReleaseCatalog;
import io.murmuration.release.RoundAccount;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code murmuration ledger}: looks at a ledger without fencing the job that holds it. */
@Command(
    name = "ledger",
    description =
        "Shows, verifies or exports the ledger of a privacy domain; a running job is not"
            + " disturbed.",
    mixinStandardHelpOptions = true)
final class LedgerCommand implements Runnable {

  private static final ObjectMapper JSON = new ObjectMapper();

  private static final int DECIMALS = 4;

  @Spec private CommandSpec spec;

  /** A ledger that was read and whose every record follows from the ones before. */
  private record Verified(String location, List<LedgerEntry> entries, LedgerState state) {

    static Verified read(LedgerSource source)
        throws IOException, LedgerException, InterruptedException {
      try (Ledger ledger = source.ledger()) {
        List<LedgerEntry> entries = ledger.read();
        return new Verified(ledger.location(), entries, LedgerState.of(entries, ledger.location()));
      }
    }

    List<JointlyReserved> joint() {
      return entries.stream()
          .map(LedgerEntry::record)
          .filter(JointlyReserved.class::isInstance)
          .map(JointlyReserved.class::cast)
          .toList();
    }
  }

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "A subcommand is required: show, verify or export");
  }

  @Command(
      name = "show",
      description = {
        "Prints what the domain has reserved and charged, and what became of the rounds.",
        "With the releases also which rounds were published and which were lost."
      },
      mixinStandardHelpOptions = true)
  int show(
      @ArgGroup(multiplicity = "1") LedgerSource source,
      @Option(
              names = "--releases",
              paramLabel = "STORE",
              description = "Directory of the model store to hold against the ledger.")
          Path releases,
      @Mixin JsonOption json)
      throws IOException, LedgerException, InterruptedException {
    Verified ledger = Verified.read(source);
    RoundAccount rounds = account(ledger, releases);
    PrintWriter out = spec.commandLine().getOut();
    if (json.isGiven()) {
      json.print(summary(ledger, rounds));
    } else {
      print(ledger, rounds, out);
    }
    return 0;
  }

  private static RoundAccount account(Verified ledger, Path releases) throws IOException {
    if (releases == null || ledger.state().genesis().isEmpty()) {
      return RoundAccount.of(ledger.entries());
    }
    return RoundAccount.of(
        ledger.entries(),
        ledger.state().genesis().get().domain(),
        new ReleaseCatalog(DirectoryModelStore.reading(releases)));
  }

  @Command(
      name = "verify",
      description =
          "Checks hashes, chain and every record's place, and computes what is reserved jointly from"
              + " the records alone; fails naming the first that is wrong.",
      mixinStandardHelpOptions = true)
  int verify(@ArgGroup(multiplicity = "1") LedgerSource source, @Mixin JsonOption json)
      throws IOException, LedgerException, InterruptedException {
    Verified ledger = Verified.read(source);
    List<JointlyReserved> joint = ledger.joint();
    for (JointlyReserved reserved : joint) {
      requireCovered(ledger.location(), reserved);
    }
    PrintWriter out = spec.commandLine().getOut();
    if (json.isGiven()) {
      ObjectNode node =
          JSON.createObjectNode()
              .put("valid", true)
              .put("records", ledger.entries().size())
              .put("head_hash", ledger.state().headHash());
      ArrayNode computed = node.putArray("joint");
      joint.forEach(reserved -> computed.add(json(reserved)));
      json.print(node);
    } else {
      out.printf(
          "The %s is whole: %d records, head %s%n",
          ledger.location(), ledger.entries().size(), ledger.state().headHash());
      joint.forEach(reserved -> out.printf("joint     %s%n", inWords(reserved)));
    }
    return 0;
  }

  private static void requireCovered(String location, JointlyReserved reserved)
      throws LedgerException.Refused {
    if (!reserved.accounts().isCovered()) {
      throw new LedgerException.Refused(
          ("The joint reservation of epoch %d in the %s says %s, but its slots cost epsilon %s at"
                  + " that delta. What its domain states may be below the truth")
              .formatted(
                  reserved.epoch(),
                  location,
                  reserved.reserved(),
                  PrivacyLoss.text(reserved.accounts().epsilon(), DECIMALS)));
    }
  }

  private static ObjectNode json(JointlyReserved reserved) {
    ObjectNode node =
        JSON.createObjectNode()
            .put("epoch", reserved.epoch())
            .put("epsilon_reserved", reserved.epsilon())
            .put("delta", reserved.delta())
            .put("epsilon", reserved.accounts().epsilon());
    ArrayNode slots = node.putArray("slots");
    for (Slot slot : reserved.slots()) {
      slots
          .addObject()
          .put("times", slot.times())
          .put("options", slot.options().size())
          .put("rounds", slot.mostRounds());
    }
    return node;
  }

  private static String inWords(JointlyReserved reserved) {
    return "%s for %d slots; computed from them: epsilon %s"
        .formatted(
            reserved.reserved(),
            reserved.slots().size(),
            PrivacyLoss.text(reserved.accounts().epsilon(), DECIMALS));
  }

  @Command(
      name = "export",
      description = "Writes the records as they are, one JSON object a line.",
      mixinStandardHelpOptions = true)
  int export(
      @ArgGroup(multiplicity = "1") LedgerSource source,
      @Option(
              names = "--out",
              paramLabel = "FILE",
              description = "File to write, which must not exist; standard output if not given.")
          Path target)
      throws IOException, LedgerException, InterruptedException {
    Verified ledger = Verified.read(source);
    if (target == null) {
      PrintWriter out = spec.commandLine().getOut();
      ledger.entries().forEach(entry -> out.println(entry.line()));
    } else {
      Files.write(
          target,
          ledger.entries().stream().map(LedgerEntry::line).toList(),
          StandardCharsets.UTF_8,
          StandardOpenOption.CREATE_NEW,
          StandardOpenOption.WRITE);
    }
    return 0;
  }

  private static ObjectNode summary(Verified ledger, RoundAccount rounds) {
    LedgerState state = ledger.state();
    ObjectNode node = JSON.createObjectNode();
    state
        .genesis()
        .ifPresent(
            genesis ->
                node.put("domain", genesis.domain())
                    .put("unit", genesis.unit())
                    .put("neighbouring_relation", genesis.neighbouringRelation())
                    .put("genesis_millis", genesis.genesisMillis())
                    .put("round_interval_millis", genesis.roundIntervalMillis()));
    node.put("epsilon_budget", state.epsilonBudget())
        .put("delta", state.delta())
        .put("epsilon_reserved", state.reserved().epsilon())
        .put("delta_reserved", state.reserved().delta())
        .put("epoch", state.epoch())
        .put("rounds", state.rounds())
        .put("last_charged_tick", state.lastChargedTick());
    state
        .phase()
        .ifPresent(
            phase ->
                node.set(
                    "phase",
                    mechanism(phase)
                        .put("phase", phase.phase())
                        .put("epsilon", phase.epsilon())
                        .put("delta", phase.delta())
                        .put("max_rounds", phase.maxRounds())
                        .put("rounds", state.roundsInPhase())));
    ArrayNode joint = node.putArray("joint");
    ledger.joint().forEach(reserved -> joint.add(json(reserved)));
    ArrayNode phases = node.putArray("phases");
    ArrayNode calibrations = node.putArray("calibrations");
    for (LedgerPhase phase : state.phases()) {
      phases.add(
          mechanism(phase.opened())
              .put("phase", phase.opened().phase())
              .put("epsilon", phase.opened().epsilon())
              .put("delta", phase.opened().delta())
              .put("max_rounds", phase.opened().maxRounds())
              .put("slot", phase.opened().slot()));
      if (phase.outcome() != null) {
        ObjectNode calibration =
            calibrations
                .addObject()
                .put("phase", phase.outcome().phase())
                .put("round", phase.outcome().round())
                .put("epoch", phase.outcome().epoch())
                .put("purpose", phase.opened().mechanism().query().purpose());
        phase.outcome().answer().forEach(calibration.putArray("noised")::add);
      }
    }
    node.set("account", account(rounds));
    node.put("halted", state.halt().map(Enum::name).orElse(null))
        .put("records", ledger.entries().size())
        .put("head_hash", state.headHash());
    return node;
  }

  private static ObjectNode account(RoundAccount rounds) {
    ObjectNode node =
        JSON.createObjectNode()
            .put("charged", rounds.charged())
            .put("executed_at_least", rounds.executedAtLeast());
    rounds
        .releases()
        .ifPresent(
            releases -> {
              node.put("durable_at_least", releases.published())
                  .put("published", releases.published());
              releases.open().forEach(node.putArray("not_published_yet")::add);
              releases.beforeOldest().forEach(node.putArray("before_oldest_release")::add);
              releases.lost().forEach(node.putArray("lost")::add);
            });
    return node;
  }

  private static ObjectNode mechanism(PhaseOpened phase) {
    RoundMechanism mechanism = phase.mechanism();
    return JSON.createObjectNode()
        .put("purpose", mechanism.query().purpose())
        .put("sampler", mechanism.sampler().name())
        .put("sampling_probability", mechanism.samplingProbability())
        .put("group_size", mechanism.groupSize())
        .put("noise_multiplier", mechanism.noiseMultiplier())
        .put("clip_norm", mechanism.clipNorm())
        .put("expected_units", mechanism.expectedUnits());
  }

  private static void print(Verified ledger, RoundAccount rounds, PrintWriter out) {
    LedgerState state = ledger.state();
    out.printf("%s, %d records%n", ledger.location(), ledger.entries().size());
    state
        .genesis()
        .ifPresent(
            genesis ->
                out.printf(
                    "domain    %s (unit: %s, neighbouring relation: %s)%n",
                    genesis.domain(), genesis.unit(), genesis.neighbouringRelation()));
    out.printf("budget    %s%n", state.budget());
    out.printf("reserved  %s%n", state.reserved());
    for (JointlyReserved reserved : ledger.joint()) {
      out.printf("joint     %s%n", inWords(reserved));
      for (int number = 1; number <= reserved.slots().size(); number++) {
        Slot slot = reserved.slot(number);
        out.printf(
            "          slot %d: %d times one of %d, at most %d rounds each%n",
            number, slot.times(), slot.options().size(), slot.mostRounds());
      }
    }
    for (LedgerPhase phase : state.phases()) {
      PhaseOpened opened = phase.opened();
      out.printf(
          "phase %-3d %s; %s, at most %d round%s%n",
          opened.phase(),
          opened.mechanism().query().purpose(),
          opened.slot() == null
              ? opened.reserved()
              : "slot %d of what is reserved jointly".formatted(opened.slot()),
          opened.maxRounds(),
          opened.maxRounds() == 1 ? "" : "s");
      MechanismInWords.phrases(opened.mechanism())
          .forEach(phrase -> out.printf("          %s%n", phrase));
      if (phase.outcome() != null) {
        out.printf(
            "          calibrated by round %d, in epoch %d; noised: %s%n",
            phase.outcome().round(), phase.outcome().epoch(), phase.outcome().answer());
      }
    }
    out.printf(
        "charged   rounds: %d, %d of them in the open phase; last at tick %d, in epoch %d%n",
        state.rounds(), state.roundsInPhase(), state.lastChargedTick(), state.epoch());
    out.printf("rounds    %s%n", rounds.inWords());
    out.printf("halted    %s%n", state.halt().map(halt -> "yes: " + halt.text()).orElse("no"));
    out.printf("head      %s%n", state.headHash());
  }
}
