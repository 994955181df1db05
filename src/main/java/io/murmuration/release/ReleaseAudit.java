package io.murmuration.release;

import io.murmuration.privacy.ledger.ChargeHistory;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerState.LedgerPhase;
import io.murmuration.privacy.mechanism.Horizon;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;

/** Checks whether a store's visible releases are sound, alone and against the ledger. */
public final class ReleaseAudit {

  /**
   * The finest precision with which ε is computed anew. A statement is an upper bound of its own,
   * so it may lie below the finest other one by no more than this, relatively.
   */
  private static final double FINEST_PRECISION = 1e-6;

  private final ModelStore store;
  private final ReleaseCatalog catalog;

  /** An audit of one store. */
  public ReleaseAudit(ModelStore store) {
    this.store = store;
    this.catalog = new ReleaseCatalog(store);
  }

  /**
   * One release that was checked.
   *
   * @param name of its directory
   * @param manifest what it says, or null if that cannot be read
   * @param problems what is wrong with it; empty if nothing is
   */
  public record Checked(String name, Manifest manifest, List<String> problems) {

    public Checked {
      problems = List.copyOf(problems);
    }
  }

  /**
   * Checks every release: its files, its digest, its name against its round, its statement against
   * its numbers, that no two name the same charge, and that a domain's ε never falls from round to
   * round.
   */
  public List<Checked> verify() throws IOException {
    return verify(Optional.empty());
  }

  /**
   * Verifies as {@link #verify()} does, and each release against the ledger: that it holds the
   * charge which the manifest names, with the same round, tick, epoch, phase and mechanism, and
   * that neither ε nor δ in the manifest is below what the ledger's charges cost, as the accountant
   * computes it anew.
   *
   * @param ledger the ledger of the domain whose releases these are
   */
  public List<Checked> verifyAgainst(ChargeHistory ledger) throws IOException {
    return verify(Optional.of(ledger));
  }

  private List<Checked> verify(Optional<ChargeHistory> ledger) throws IOException {
    List<Checked> checked = new ArrayList<>();
    Map<String, Manifest> lastOfDomain = new HashMap<>();
    Map<String, String> releaseOfCharge = new HashMap<>();
    for (String name : catalog.allNames()) {
      Checked reading = check(name, store.read(name), ledger);
      List<String> problems = new ArrayList<>(reading.problems());
      Manifest manifest = reading.manifest();
      if (manifest != null) {
        checkAgainst(lastOfDomain.put(manifest.domain(), manifest), manifest, problems);
        String other = releaseOfCharge.putIfAbsent(manifest.ledgerHash(), name);
        if (other != null) {
          problems.add("it names the same charge as " + other);
        }
      }
      checked.add(new Checked(name, manifest, problems));
    }
    return checked;
  }

  /**
   * Checks the files of one release as {@link #verifyAgainst} does, by the bytes that are given: a
   * consumer that then uses these, and does not read them again, uses what was checked.
   *
   * @param name of the release
   * @param files by name
   * @param before the manifest of a release of an earlier round, below whose ε this one must not
   *     fall; empty if there is none
   * @param ledger the ledger of the domain whose release it is
   */
  public static Checked check(
      String name,
      SortedMap<String, byte[]> files,
      Optional<? extends Manifest> before,
      ChargeHistory ledger) {
    Checked reading = check(name, files, Optional.of(ledger));
    List<String> problems = new ArrayList<>(reading.problems());
    if (reading.manifest() != null) {
      checkAgainst(before.orElse(null), reading.manifest(), problems);
    }
    return new Checked(name, reading.manifest(), problems);
  }

  private static Checked check(
      String name, SortedMap<String, byte[]> files, Optional<ChargeHistory> ledger) {
    List<String> problems = new ArrayList<>();
    Manifest manifest = null;
    try {
      manifest = ReleaseCatalog.manifestIn(name, files);
    } catch (IOException e) {
      problems.add(e.getMessage());
    }
    requireFiles(manifest, files, problems);
    if (manifest != null) {
      checkAlone(name, manifest, files, problems);
      if (ledger.isPresent()) {
        checkAgainst(ledger.get(), manifest, problems);
      }
    }
    return new Checked(name, manifest, problems);
  }

  private static void requireFiles(
      Manifest manifest, SortedMap<String, byte[]> files, List<String> problems) {
    List<String> required = new ArrayList<>(List.of(Manifest.FILE, PrivacyStatement.FILE));
    if (manifest != null) {
      required.add(manifest.contentFile());
    }
    if (manifest instanceof ReleaseManifest model) {
      required.addAll(ReleaseFormat.requiredBeside(model.weightsFile()));
    }
    for (String name : required) {
      if (!files.containsKey(name)) {
        problems.add("there is no " + name);
      }
    }
  }

  private static void checkAlone(
      String name, Manifest manifest, SortedMap<String, byte[]> files, List<String> problems) {
    if (!manifest.releaseName().equals(name)) {
      problems.add("its manifest is that of round " + manifest.round());
    }
    byte[] content = files.get(manifest.contentFile());
    if (content != null && !Digests.ofFile(content).equals(manifest.contentDigest())) {
      problems.add(
          "SHA-256 of %s is %s but the manifest says %s"
              .formatted(
                  manifest.contentFile(), Digests.ofFile(content), manifest.contentDigest()));
    } else if (content != null && manifest instanceof CalibrationManifest calibration) {
      checkOutcome(calibration, content, problems);
    }
    if (!(manifest.epsilonSpent() > 0)) {
      problems.add("its ε must be positive but is " + manifest.epsilonSpent());
    }
    String statement =
        Guarantee.statement(
            manifest.domain(),
            manifest.round(),
            manifest.epsilonSpent(),
            manifest.delta(),
            manifest.lifetime());
    if (!manifest.statement().equals(statement)) {
      problems.add("its statement is not that of its numbers, which is: " + statement);
    }
    byte[] words = files.get(PrivacyStatement.FILE);
    if (words != null && !new String(words, StandardCharsets.UTF_8).contains(statement)) {
      problems.add("%s does not hold the manifest's statement".formatted(PrivacyStatement.FILE));
    }
  }

  private static void checkOutcome(
      CalibrationManifest manifest, byte[] content, List<String> problems) {
    try {
      if (!CalibrationOutcome.read(content).equals(manifest.outcome())) {
        problems.add("its manifest does not hold the outcome of " + CalibrationOutcome.FILE);
      }
    } catch (IOException e) {
      problems.add("%s is damaged: %s".formatted(CalibrationOutcome.FILE, e.getMessage()));
    }
  }

  /** Numbers that the ledger recorded are those released; of a voided attempt it holds none. */
  private static void checkNoised(
      ChargeHistory ledger, CalibrationManifest manifest, List<String> problems) {
    List<Double> released =
        manifest.outcome().noised() == null
            ? List.of()
            : manifest.outcome().noised().stream().flatMap(List::stream).toList();
    ledger.state().phases().stream()
        .map(LedgerPhase::outcome)
        .filter(outcome -> outcome != null && outcome.round() == manifest.round())
        .filter(outcome -> !outcome.answer().equals(released))
        .forEach(
            outcome -> problems.add("its noised numbers are not those that the ledger recorded"));
  }

  private static void checkAgainst(ChargeHistory ledger, Manifest manifest, List<String> problems) {
    String domain = ledger.state().genesis().map(genesis -> genesis.domain()).orElse(null);
    if (!manifest.domain().equals(domain)) {
      problems.add(
          "it is of the domain %s but the ledger is that of %s"
              .formatted(manifest.domain(), domain));
      return;
    }
    Optional<ChargeHistory.Charged> found = ledger.withHash(manifest.ledgerHash());
    if (found.isEmpty()) {
      problems.add(
          "the ledger holds no charge with the hash %s that it names"
              .formatted(manifest.ledgerHash()));
      return;
    }
    ChargeHistory.Charged charged = found.get();
    Charge charge = charged.charge();
    require(problems, "round", manifest.round(), charge.round());
    require(problems, "tick", manifest.tick(), charge.tick());
    require(problems, "epoch", manifest.epoch(), charge.epoch());
    require(problems, "phase", (long) manifest.phase(), (long) charge.phase());
    if (!manifest.head().states(charged.mechanism())) {
      problems.add(
          "its mechanism is not the one that was charged, which is: "
              + MechanismInWords.of(charged.mechanism()));
    }
    require(problems, "lifetime", inWords(manifest.lifetime()), inWords(charged.lifetime()));
    require(
        problems,
        "kind",
        manifest instanceof CalibrationManifest ? "calibration" : "model",
        charged.mechanism().query().isCalibration() ? "calibration" : "model");
    if (manifest instanceof CalibrationManifest calibration) {
      checkNoised(ledger, calibration, problems);
    }
    if (!ledger.covers(charged, manifest.epsilonSpent() * (1 + FINEST_PRECISION))) {
      problems.add(
          "its ε, %s, is below the %s that the ledger's charges up to it cost"
              .formatted(manifest.epsilonSpent(), ledger.epsilonAfter(charged)));
    }
    // Some releases state the nearest double of the sum, which may be the one below it.
    if (!(manifest.delta() >= Math.nextDown(charged.delta()))) {
      problems.add(
          "its δ, %s, is below the %s that the ledger reserved"
              .formatted(manifest.delta(), charged.delta()));
    }
  }

  private static String inWords(Optional<Horizon> lifetime) {
    return lifetime
        .map(
            horizon ->
                "generation %d, %d rounds from round %d on"
                    .formatted(horizon.generation(), horizon.rounds(), horizon.firstRound()))
        .orElse("none");
  }

  private static void require(List<String> problems, String what, Object stated, Object charged) {
    if (!stated.equals(charged)) {
      problems.add("its %s is %s but the ledger charged %s".formatted(what, stated, charged));
    }
  }

  private static void checkAgainst(Manifest before, Manifest manifest, List<String> problems) {
    if (before == null) {
      return;
    }
    if (!(manifest.epsilonSpent() >= before.epsilonSpent())) {
      problems.add(
          "its ε, %s, is below the %s of round %d"
              .formatted(manifest.epsilonSpent(), before.epsilonSpent(), before.round()));
    }
  }
}
