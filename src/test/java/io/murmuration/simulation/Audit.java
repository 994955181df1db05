package io.murmuration.simulation;

import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerFactory;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.release.ModelStore;
import io.murmuration.release.ReleaseCatalog;
import io.murmuration.release.ReleaseManifest;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What must hold after every event, whatever happened. Knows the whole history, which no part of
 * the system does.
 *
 * <ul>
 *   <li>The ledger is one that a correct history could have written.
 *   <li>A grant has a durable charge; no round and no tick is granted twice.
 *   <li>No round is executed twice, and no noise is used twice.
 *   <li>What a user contributes is within its bound in each of the user's rounds, and these are
 *       orthogonal ({@link ContributionColumns}).
 *   <li>A visible release names a charge of the ledger, is part of a completed checkpoint, and
 *       never changes.
 *   <li>The ε of a release is at least the true composition of all visible releases up to it, and
 *       at most the budget.
 * </ul>
 */
final class Audit {

  private final LedgerFactory ledger;
  private final ModelStore store;
  private final Map<String, LedgerRecord> records = new HashMap<>();
  private final Map<Integer, PhaseOpened> phases = new TreeMap<>();
  private final Set<Long> grantedRounds = new HashSet<>();
  private final Set<Long> grantedTicks = new HashSet<>();
  private final Set<Long> executedRounds = new HashSet<>();
  private final Set<Long> chargingEpochs = new HashSet<>();
  private final Set<Long> durableEpochs = new HashSet<>();
  private final Set<List<Long>> noises = new HashSet<>();
  private final ContributionColumns columns = new ContributionColumns();
  private final Map<Integer, Long> firstRounds = new HashMap<>();
  private final Set<String> checkpointed = new HashSet<>();
  private final Map<String, SortedMap<String, byte[]>> visible = new HashMap<>();
  private final TreeMap<Long, ReleaseManifest> manifests = new TreeMap<>();
  private LedgerState state = LedgerState.empty();

  Audit(LedgerFactory ledger, ModelStore store) {
    this.ledger = ledger;
    this.store = store;
  }

  static void require(boolean condition, String violation, Object subject) {
    if (!condition) {
      throw new AssertionError(violation + ": " + subject);
    }
  }

  /** Looks at everything that outlives the jobs. */
  void check() throws Exception {
    checkLedger();
    checkReleases();
  }

  private void checkLedger() throws Exception {
    List<LedgerEntry> entries = ledger.create().read();
    for (LedgerEntry entry : entries.subList((int) state.nextSequence(), entries.size())) {
      try {
        state = state.apply(entry);
      } catch (IllegalArgumentException e) {
        throw new AssertionError("the ledger broke: " + e.getMessage(), e);
      }
      records.put(entry.hash(), entry.record());
      if (entry.record() instanceof PhaseOpened phase) {
        phases.put(phase.phase(), phase);
      } else if (entry.record() instanceof Charge charge) {
        chargingEpochs.add(charge.epoch());
        firstRounds.putIfAbsent(charge.phase(), charge.round());
      }
    }
  }

  private void checkReleases() throws Exception {
    List<String> names = store.published();
    boolean more = false;
    for (String name : names) {
      SortedMap<String, byte[]> files = store.read(name);
      SortedMap<String, byte[]> before = visible.putIfAbsent(name, files);
      if (before == null) {
        more = true;
        ReleaseManifest manifest = new ReleaseCatalog(store).manifest(name);
        checkNew(name, manifest);
        require(manifests.put(manifest.round(), manifest) == null, "round visible twice", name);
      } else {
        require(before == files, "a release changed", name);
      }
    }
    require(names.size() == visible.size(), "a release vanished", names);
    if (more) {
      checkEpsilon();
    }
  }

  private void checkNew(String name, ReleaseManifest manifest) {
    LedgerRecord charge =
        new Charge(manifest.epoch(), manifest.round(), manifest.tick(), manifest.phase());
    require(charge.equals(charged(manifest.ledgerHash())), "a release without a charge", manifest);
    require(
        checkpointed.contains(name),
        "a release is visible before a checkpoint that holds it completed",
        name);
  }

  /** A charge without a word on when it was due, which neither grants nor releases repeat. */
  private LedgerRecord charged(String hash) {
    return records.get(hash) instanceof Charge charge ? charge.withoutDueTick() : null;
  }

  /**
   * Composes the releases of each phase, and adds up the phases, as the statement says. Where users
   * take turns, those of whoever could be in most of them.
   */
  private void checkEpsilon() {
    Map<Integer, long[]> rounds = new TreeMap<>();
    for (ReleaseManifest manifest : manifests.values()) {
      int bands = phases.get(manifest.phase()).mechanism().bands();
      long roundInPhase = manifest.round() - firstRounds.get(manifest.phase());
      rounds
          .computeIfAbsent(manifest.phase(), phase -> new long[bands])[
          (int) (roundInPhase % bands)]++;
      double truth = 0;
      for (Map.Entry<Integer, long[]> phase : rounds.entrySet()) {
        PhaseOpened opened = phases.get(phase.getKey());
        long most = Arrays.stream(phase.getValue()).max().orElseThrow();
        truth +=
            Accountants.of(opened.mechanism(), opened.epsilon(), opened.delta())
                .epsilonAfter((most - 1) * opened.mechanism().bands() + 1);
      }
      require(
          manifest.epsilonSpent() >= truth,
          "epsilon below the true composition " + truth,
          manifest);
      require(
          manifest.epsilonSpent() <= state.epsilonBudget() && manifest.delta() <= state.delta(),
          "a release beyond the budget",
          manifest);
    }
  }

  void granted(Grant grant) throws Exception {
    checkLedger();
    LedgerRecord charge = new Charge(grant.epoch(), grant.round(), grant.tick(), grant.phase());
    require(charge.equals(charged(grant.ledgerHash())), "a grant without a charge", grant);
    require(grantedRounds.add(grant.round()), "a round is granted twice", grant);
    require(grantedTicks.add(grant.tick()), "a tick is granted twice", grant);
    require(grant.epsilonSpent() <= state.epsilonBudget(), "a grant beyond the budget", grant);
  }

  /**
   * A round was executed.
   *
   * @param fine what its noise was drawn from, in 2⁻¹⁶ of a unit
   * @param added to its sum
   * @param users of whom something is in its sum
   */
  void executed(Grant grant, long[] fine, long[] added, Set<String> users) {
    require(executedRounds.add(grant.round()), "a round is executed twice", grant);
    columns.executed(grant, fine, added, users);
  }

  /** All of it, since two attempts may well draw one of its numbers. */
  void drawn(long[] noise) {
    List<Long> values = Arrays.stream(noise).boxed().toList();
    require(noises.add(values), "noise is used twice", values);
  }

  void checkpointed(String release) {
    checkpointed.add(release);
  }

  /** A completed checkpoint holds a round of this epoch. */
  void durable(long epoch) {
    durableEpochs.add(epoch);
  }

  /** Epochs that charged rounds and made none durable. */
  int wastedEpochs() {
    return (int) chargingEpochs.stream().filter(epoch -> !durableEpochs.contains(epoch)).count();
  }

  LedgerState ledgerState() {
    return state;
  }
}
