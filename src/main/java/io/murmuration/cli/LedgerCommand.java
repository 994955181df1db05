package io.murmuration.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.job.ConfiguredMechanism;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.ChargeHistory;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerRecord.GenerationOpened;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Slot;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.ledger.LedgerState.LedgerPhase;
import io.murmuration.release.Guarantee;
import io.murmuration.release.MechanismInWords;
import io.murmuration.release.ModelStores;
import io.murmuration.release.ReleaseCatalog;
import io.murmuration.release.RoundAccount;
import io.murmuration.storage.Location;
import io.murmuration.storage.StoredFiles;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
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
  record Verified(String location, List<LedgerEntry> entries, LedgerState state) {

    static Verified read(LedgerSource source)
        throws IOException, LedgerException, InterruptedException {
      try (Ledger ledger = source.ledger()) {
        List<LedgerEntry> entries = ledger.read();
        return new Verified(ledger.location(), entries, LedgerState.of(entries, ledger.location()));
      }
    }

    List<JointlyReserved> joint() {
      return records(JointlyReserved.class);
    }

    List<GenerationOpened> generations() {
      return records(GenerationOpened.class);
    }

    private <T> List<T> records(Class<T> kind) {
      return entries.stream()
          .map(LedgerEntry::record)
          .filter(kind::isInstance)
          .map(kind::cast)
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
              converter = LocationConverter.class,
              description = "Path or URI of the model store to hold against the ledger.")
          Location releases,
      @Mixin JsonOption json)
      throws IOException, LedgerException, InterruptedException {
    Verified ledger = Verified.read(source);
    RoundAccount rounds = account(ledger, releases);
    PrintWriter out = spec.commandLine().getOut();
    if (json.isGiven()) {
      json.print(LedgerJson.summary(ledger, rounds));
    } else {
      print(ledger, rounds, out);
    }
    return 0;
  }

  private static RoundAccount account(Verified ledger, Location releases) throws IOException {
    if (releases == null || ledger.state().genesis().isEmpty()) {
      return RoundAccount.of(ledger.entries());
    }
    return RoundAccount.of(
        ledger.entries(),
        ledger.state().genesis().get().domain(),
        new ReleaseCatalog(ModelStores.reading(releases)));
  }

  @Command(
      name = "verify",
      description =
          "Checks hashes, chain and every record's place, and computes from the records alone what is"
              + " reserved jointly and how many rounds a user's lifetime has; fails naming the first"
              + " that is wrong.",
      mixinStandardHelpOptions = true)
  int verify(@ArgGroup(multiplicity = "1") LedgerSource source, @Mixin JsonOption json)
      throws IOException, LedgerException, InterruptedException {
    Verified ledger = Verified.read(source);
    List<JointlyReserved> joint = ledger.joint();
    for (JointlyReserved reserved : joint) {
      requireCovered(ledger.location(), reserved);
    }
    ChargeHistory history =
        ChargeHistory.of(ledger.entries(), ledger.location(), ConfiguredMechanism::accountant);
    requireLifetimesCovered(ledger.location(), history);
    PrintWriter out = spec.commandLine().getOut();
    if (json.isGiven()) {
      ObjectNode node =
          JSON.createObjectNode()
              .put("valid", true)
              .put("records", ledger.entries().size())
              .put("head_hash", ledger.state().headHash());
      ArrayNode computed = node.putArray("joint");
      joint.forEach(reserved -> computed.add(LedgerJson.json(reserved)));
      node.put("promise", Guarantee.promise(ledger.state()));
      ArrayNode lifetimes = node.putArray("lifetimes");
      lifetimes(history)
          .forEach(
              phase ->
                  lifetimes
                      .addObject()
                      .put("generation", phase.generation())
                      .put("horizon_rounds", phase.maxRounds())
                      .put("epsilon", history.epsilonOfLifetime(phase))
                      .put("epsilon_reserved", phase.epsilon())
                      .put("delta", phase.delta()));
      json.print(node);
    } else {
      out.printf(
          "The %s is whole: %d records, head %s%n",
          ledger.location(), ledger.entries().size(), ledger.state().headHash());
      joint.forEach(reserved -> out.printf("joint     %s%n", inWords(reserved)));
      out.printf("promise   %s%n", Guarantee.promise(ledger.state()));
      lifetimes(history).forEach(phase -> out.printf("lifetime  %s%n", inWords(phase, history)));
    }
    return 0;
  }

  private static List<PhaseOpened> lifetimes(ChargeHistory history) {
    return history.phases().stream().filter(PhaseOpened::isLifetime).toList();
  }

  private static String inWords(PhaseOpened lifetime, ChargeHistory history) {
    return "generation %d: at most %d rounds of one user, computed to cost epsilon %s of (%s)"
        .formatted(
            lifetime.generation(),
            lifetime.maxRounds(),
            PrivacyLoss.text(history.epsilonOfLifetime(lifetime), DECIMALS),
            lifetime.reserved());
  }

  private static void requireLifetimesCovered(String location, ChargeHistory history)
      throws LedgerException.Refused {
    Optional<PhaseOpened> uncovered = history.uncoveredLifetime();
    if (uncovered.isPresent()) {
      throw new LedgerException.Refused(
          ("Phase %d in the %s says that a user may take part in %d rounds of generation %d, which"
                  + " its share (%s) does not cover. What its domain states may be below the truth")
              .formatted(
                  uncovered.get().phase(),
                  location,
                  uncovered.get().maxRounds(),
                  uncovered.get().generation(),
                  uncovered.get().reserved()));
    }
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
              converter = LocationConverter.class,
              description =
                  "Path or URI to write, which must not exist; standard output if not given.")
          Location target)
      throws IOException, LedgerException, InterruptedException {
    Verified ledger = Verified.read(source);
    if (target == null) {
      PrintWriter out = spec.commandLine().getOut();
      ledger.entries().forEach(entry -> out.println(entry.line()));
    } else {
      write(ledger.entries(), target);
    }
    return 0;
  }

  private static void write(List<LedgerEntry> entries, Location target) throws IOException {
    List<String> lines = entries.stream().map(LedgerEntry::line).toList();
    if (target.isLocal()) {
      Files.write(
          target.path(),
          lines,
          StandardCharsets.UTF_8,
          StandardOpenOption.CREATE_NEW,
          StandardOpenOption.WRITE);
      return;
    }
    StoredFiles files = StoredFiles.at(target.parent());
    byte[] content = (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8);
    if (files.read(target.name()).isPresent()) {
      throw new FileAlreadyExistsException(target.text());
    }
    files.write(target.name(), content);
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
    out.printf("promise   %s%n", Guarantee.promise(state));
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
    for (GenerationOpened opened : ledger.generations()) {
      out.printf(
          "lifetimes generation %d of %d, since epoch %d; users are counted by %s%n",
          opened.generation(),
          state.genesis().orElseThrow().generations(),
          opened.epoch(),
          opened.identity());
    }
    for (LedgerPhase phase : state.phases()) {
      PhaseOpened opened = phase.opened();
      out.printf(
          "phase %-3d %s; %s, at most %d round%s%s%n",
          opened.phase(),
          opened.mechanism().query().purpose(),
          opened.slot() == null
              ? opened.reserved()
              : "slot %d of what is reserved jointly".formatted(opened.slot()),
          opened.maxRounds(),
          opened.maxRounds() == 1 ? "" : "s",
          opened.isLifetime() ? " of a user in generation " + opened.generation() : "");
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
