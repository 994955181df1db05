package io.murmuration.chaos;

import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.release.ReleaseAudit;
import io.murmuration.release.ReleaseManifest;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.LongToDoubleFunction;
import java.util.function.ToLongFunction;

/** Compares what was sent, what the ledger holds and what is visible, after everything is over. */
final class ChaosAudit {

  /** The accountant's precision: two ways of composing may differ by so much. */
  private static final double EPSILON_TOLERANCE = 1e-3;

  /** So many people must come to the end of a lifetime, or nothing has been tried. */
  static final int LEAST_AT_THE_END = 20;

  private final Evidence evidence;
  private final double budget;
  private final double delta;
  private final int maxUndurableRounds;
  private final Map<String, String> rows = new LinkedHashMap<>();
  private final List<String> violations = new ArrayList<>();

  private ChaosAudit(Evidence evidence, double budget, double delta, int maxUndurableRounds) {
    this.evidence = evidence;
    this.budget = budget;
    this.delta = delta;
    this.maxUndurableRounds = maxUndurableRounds;
  }

  /**
   * The table and what is wrong.
   *
   * @param rows name and value, in order
   * @param violations of invariants; empty if all hold
   */
  record Result(Map<String, String> rows, List<String> violations) {

    String table() {
      StringBuilder table = new StringBuilder();
      rows.forEach((name, value) -> table.append("%-42s %s%n".formatted(name, value)));
      violations.forEach(violation -> table.append("BROKEN: %s%n".formatted(violation)));
      return table.append(violations.isEmpty() ? "every invariant holds" : "").toString();
    }
  }

  /**
   * Judges a run.
   *
   * @param budget ε of the domain
   * @param delta δ of the domain
   * @param maxUndurableRounds the most granted rounds that one failure may lose
   */
  static Result of(Evidence evidence, double budget, double delta, int maxUndurableRounds)
      throws LedgerException {
    ChaosAudit audit = new ChaosAudit(evidence, budget, delta, maxUndurableRounds);
    audit.compareEvents();
    audit.compareRounds();
    return new Result(audit.rows, audit.violations);
  }

  private void row(String name, Object value) {
    rows.put(name, String.valueOf(value));
  }

  private void require(boolean condition, String violation) {
    if (!condition) {
      violations.add(violation);
    }
  }

  private void compareEvents() {
    long lost = 0;
    long doubled = 0;
    long foreign = 0;
    Set<String> users = new TreeSet<>(evidence.sent().keySet());
    users.addAll(evidence.counted().keySet());
    long gone = 0;
    long goneAndNotErased = 0;
    for (String user : users) {
      boolean isErased = evidence.lives() != null && evidence.lives().erased().contains(user);
      if (evidence.lives() != null && !evidence.counted().containsKey(user)) {
        gone++; // what was kept of a retired user is no more; how many there are is compared below
        goneAndNotErased += isErased ? 0 : 1;
        continue;
      }
      List<String> counted = evidence.counted().getOrDefault(user, List.of());
      Set<String> distinct = new HashSet<>(counted);
      Set<String> sent = evidence.sent().getOrDefault(user, Set.of());
      // an erasure is in every partition: one that lags takes what was said after it, too
      long userLost = isErased ? 0 : sent.stream().filter(text -> !distinct.contains(text)).count();
      long userForeign = distinct.stream().filter(text -> !sent.contains(text)).count();
      long userDoubled = (long) counted.size() - distinct.size();
      require(
          userLost + userForeign + userDoubled == 0,
          "of %s %d events are lost, %d doubled, %d not theirs or erased"
              .formatted(user, userLost, userDoubled, userForeign));
      lost += userLost;
      doubled += userDoubled;
      foreign += userForeign;
    }
    long sent = evidence.sent().values().stream().mapToLong(Set::size).sum();
    row("users", users.size());
    row("events sent", sent);
    row("events counted", evidence.counted().values().stream().mapToLong(List::size).sum());
    row("events lost", lost);
    row("events doubled", doubled);
    row("events nobody sent, or erased", foreign);
    require(sent > 0, "nothing was sent");
    if (evidence.lives() != null) {
      long retired = evidence.lives().retired();
      row("users of whom nothing is kept", gone);
      row("users retired", retired);
      row("users who asked for erasure", evidence.lives().erased().size());
      require(
          goneAndNotErased <= retired && retired <= gone,
          "of %d users nothing is kept, %d of whom never asked for erasure, but %d are retired"
              .formatted(gone, goneAndNotErased, retired));
    }
  }

  private void compareRounds() throws LedgerException {
    LedgerState ledger = LedgerState.of(evidence.ledger(), "the ledger");
    Map<String, Charge> charges = new HashMap<>();
    Set<String> charged = new HashSet<>();
    for (LedgerEntry entry : evidence.ledger()) {
      if (entry.record() instanceof Charge charge) {
        charges.put(entry.hash(), charge);
        charged.add(charge.epoch() + "/" + charge.round());
      }
    }
    Set<String> executed = new HashSet<>(evidence.executed());
    long executedTwice = (long) evidence.executed().size() - executed.size();
    row("epochs", ledger.epoch());
    row("rounds charged", charges.size());
    row("rounds charged and never executed", charges.size() - executed.size());
    row("rounds executed", executed.size());
    row("rounds executed twice", executedTwice);
    require(charged.containsAll(executed), "a round was executed without a charge");
    require(
        executed.containsAll(evidence.acknowledged()), "a round was acknowledged and not executed");
    require(executedTwice == 0, "a round was executed twice");

    List<ReleaseManifest> manifests = new ArrayList<>();
    for (ReleaseAudit.Checked release : evidence.releases()) {
      release.problems().forEach(problem -> violations.add(release.name() + ": " + problem));
      if (release.manifest() instanceof ReleaseManifest manifest) {
        manifests.add(manifest);
        compare(manifest, charges);
      }
    }
    compareAnnouncements(manifests, executed.size());
    compareLosses(manifests);
    if (evidence.lives() != null) {
      compareLives(manifests);
    }
    require(!manifests.isEmpty(), "nothing was published");
    if (!manifests.isEmpty()) {
      compareEpsilon(manifests, ledger);
    }
  }

  private void compare(ReleaseManifest manifest, Map<String, Charge> charges) {
    Charge published =
        new Charge(manifest.epoch(), manifest.round(), manifest.tick(), manifest.phase());
    Charge charged = charges.get(manifest.ledgerHash());
    require(
        charged != null && published.equals(charged.withoutDueTick()),
        "round %d is published but not charged".formatted(manifest.round()));
  }

  private void compareAnnouncements(List<ReleaseManifest> manifests, int executedRounds) {
    Set<Long> published = new TreeSet<>();
    manifests.forEach(manifest -> published.add(manifest.round()));
    Set<Long> unknown = new TreeSet<>(evidence.announced().keySet());
    unknown.removeAll(published);
    require(unknown.isEmpty(), "announced but not visible: rounds " + unknown);
    long twice = evidence.announced().values().stream().filter(of -> of.size() > 1).count();
    row("rounds published", manifests.size());
    row("rounds executed and never published", executedRounds - manifests.size());
    row("releases given up by the committer", evidence.givenUp().size());
    row("rounds published twice", twice);
    row("releases that changed or vanished", evidence.changedReleases().size());
    evidence.givenUp().forEach(line -> violations.add("staged, durable and given up: " + line));
    require(twice == 0, "a round was published twice, with different bytes");
    evidence
        .changedReleases()
        .forEach(name -> violations.add("changed after it was visible: " + name));
  }

  /**
   * What each failure cost. An epoch ends with one; of its charges those that became visible are
   * not lost, and one that was followed by another without having been acknowledged was never
   * granted: nobody knew the outcome of its charge.
   */
  private void compareLosses(List<ReleaseManifest> manifests) {
    Set<Long> published = new HashSet<>();
    manifests.forEach(manifest -> published.add(manifest.round()));
    Map<Long, List<Charge>> byEpoch = new TreeMap<>();
    Map<Long, String> jobs = new TreeMap<>();
    for (LedgerEntry entry : evidence.ledger()) {
      if (entry.record() instanceof EpochOpened opened) {
        jobs.put(opened.epoch(), opened.jobId());
      } else if (entry.record() instanceof Charge charge) {
        byEpoch.computeIfAbsent(charge.epoch(), epoch -> new ArrayList<>()).add(charge);
      }
    }
    Map<String, Long> lastEpochs = new HashMap<>();
    jobs.forEach((epoch, job) -> lastEpochs.put(job, epoch));
    long unknown = 0;
    long lost = 0;
    long most = 0;
    for (Map.Entry<Long, List<Charge>> epoch : byEpoch.entrySet()) {
      long lostHere = 0;
      List<Charge> charges = epoch.getValue();
      for (int i = 0; i < charges.size(); i++) {
        Charge charge = charges.get(i);
        if (published.contains(charge.round())) {
          continue;
        }
        boolean acknowledged =
            evidence.acknowledged().contains(charge.epoch() + "/" + charge.round());
        if (!acknowledged && i < charges.size() - 1) {
          unknown++;
        } else {
          lostHere++;
        }
      }
      lost += lostHere;
      String job = jobs.get(epoch.getKey());
      boolean abandoned =
          evidence.abandonedJobs().contains(job) && lastEpochs.get(job).equals(epoch.getKey());
      if (!abandoned) {
        most = Math.max(most, lostHere);
        require(
            lostHere <= maxUndurableRounds,
            "epoch %d lost %d granted rounds, but at most %d may be"
                .formatted(epoch.getKey(), lostHere, maxUndurableRounds));
      }
    }
    row("charges of unknown outcome, never granted", unknown);
    row("granted rounds lost to failures and restores", lost);
    row("most of them in one failure", most);
  }

  /**
   * Nobody was sampled in more rounds of a generation than count in a lifetime, visible or not;
   * nor, but for those who were erased, in rounds that lie further apart, since here nothing
   * expires: who was sampled twice was there in every round between.
   */
  private void compareLives(List<ReleaseManifest> manifests) {
    Set<String> visible = new HashSet<>();
    manifests.forEach(manifest -> visible.add(manifest.epoch() + "/" + manifest.round()));
    Map<Integer, PhaseOpened> phases = new HashMap<>();
    Set<String> charged = new HashSet<>();
    Map<Integer, Map<String, Life>> lives = new TreeMap<>();
    for (LedgerEntry entry : evidence.ledger()) {
      if (entry.record() instanceof PhaseOpened phase) {
        phases.put(phase.phase(), phase);
      } else if (entry.record() instanceof Charge charge) {
        String round = charge.epoch() + "/" + charge.round();
        charged.add(round);
        Map<String, Life> ofGeneration =
            lives.computeIfAbsent(
                phases.get(charge.phase()).generation(), generation -> new TreeMap<>());
        for (String user : evidence.lives().sampled().getOrDefault(round, Set.of())) {
          ofGeneration
              .computeIfAbsent(user, name -> new Life())
              .sampled(charge.round(), visible.contains(round));
        }
      }
    }
    Set<String> unpaid = new TreeSet<>(evidence.lives().sampled().keySet());
    unpaid.removeAll(charged);
    require(unpaid.isEmpty(), "users were sampled in rounds without a charge: " + unpaid);
    long erasedAtTheEnd = 0;
    for (Map.Entry<Integer, Map<String, Life>> of : lives.entrySet()) {
      erasedAtTheEnd += compareLives(of.getKey(), of.getValue(), phases.values());
    }
    require(
        erasedAtTheEnd >= LEAST_AT_THE_END,
        "only %d users who were erased came to the end of a lifetime, which tries little: %d must"
            .formatted(erasedAtTheEnd, LEAST_AT_THE_END));
  }

  /** Returns how many of those who were erased came to the end of a lifetime. */
  private long compareLives(
      int generation, Map<String, Life> users, Collection<PhaseOpened> phases) {
    long horizon =
        phases.stream()
            .filter(phase -> phase.generation() == generation)
            .mapToLong(PhaseOpened::maxRounds)
            .max()
            .orElseThrow();
    users.forEach(
        (user, life) -> {
          require(
              life.visible <= horizon,
              "%s was in %d visible rounds of generation %d, but a lifetime has %d"
                  .formatted(user, life.visible, generation, horizon));
          require(
              life.rounds <= horizon,
              "%s was in %d rounds of generation %d, but a lifetime has %d"
                  .formatted(user, life.rounds, generation, horizon));
          require(
              life.span() <= horizon || evidence.lives().erased().contains(user),
              "%s was in rounds %d to %d of generation %d, but a lifetime has %d"
                  .formatted(user, life.first, life.last, generation, horizon));
        });
    String of = "generation %d: ".formatted(generation);
    long atTheEnd = users.values().stream().filter(life -> life.visible >= horizon).count();
    row(of + "rounds of a lifetime", horizon);
    row(of + "users sampled", users.size());
    row(of + "most visible rounds of one", most(users, life -> life.visible));
    row(of + "most rounds of one, visible or not", most(users, life -> life.rounds));
    row(of + "users at the end of a lifetime", atTheEnd);
    Map<String, Life> erased = new TreeMap<>(users);
    erased.keySet().retainAll(evidence.lives().erased());
    long erasedAtTheEnd = erased.values().stream().filter(life -> life.rounds >= horizon).count();
    row(of + "users at the end who were erased", erasedAtTheEnd);
    require(
        atTheEnd >= LEAST_AT_THE_END,
        "only %d users came to the end of a lifetime of generation %d, which tries little: %d must"
            .formatted(atTheEnd, generation, LEAST_AT_THE_END));
    return erasedAtTheEnd;
  }

  private static long most(Map<String, Life> users, ToLongFunction<Life> of) {
    return users.values().stream().mapToLong(of).max().orElse(0);
  }

  /** The rounds that one user was sampled in, in the order of their numbers. */
  private static final class Life {
    private long first;
    private long last;
    private long rounds;
    private long visible;

    void sampled(long round, boolean isVisible) {
      first = first == 0 ? round : first;
      rounds++;
      last = round;
      visible += isVisible ? 1 : 0;
    }

    long span() {
      return last - first + 1;
    }
  }

  /** Composes again, from the ledger alone, what the manifests claim. */
  private void compareEpsilon(List<ReleaseManifest> manifests, LedgerState ledger) {
    PhaseOpened phase = ledger.phase().orElseThrow();
    // what earlier generations reserved is gone, used or not
    double earlier = ledger.reservedEarlier().epsilon();
    long before = ledger.rounds() - ledger.roundsInPhase();
    long most = ledger.horizon().map(Horizon::rounds).orElse(Long.MAX_VALUE);
    LongToDoubleFunction epsilon =
        rounds ->
            earlier
                + new PldAccountant()
                    .epsilon(phase.mechanism().accounted(), Math.min(most, rounds), phase.delta());
    ReleaseManifest last = manifests.get(manifests.size() - 1);
    double claimed = last.epsilonSpent();
    double ofCharge = epsilon.applyAsDouble(last.round() - before);
    double ofVisible =
        epsilon.applyAsDouble(
            manifests.stream().filter(manifest -> manifest.round() > before).count());
    row("epsilon claimed by the last release", claimed);
    row("epsilon of its charge, from the ledger", ofCharge);
    row("epsilon of all charges, from the ledger", epsilon.applyAsDouble(ledger.roundsInPhase()));
    row("epsilon of what is visible", ofVisible);
    row("epsilon budget", ledger.epsilonBudget());
    require(
        Math.abs(claimed - ofCharge) <= EPSILON_TOLERANCE * ofCharge,
        "the last release claims epsilon %s but its charge costs %s".formatted(claimed, ofCharge));
    require(
        claimed >= ofVisible * (1 - EPSILON_TOLERANCE),
        "epsilon %s is claimed but what is visible costs %s".formatted(claimed, ofVisible));
    require(
        claimed <= budget && ledger.epsilonBudget() == budget && ledger.delta() == delta,
        "the budget is passed: epsilon %s of %s".formatted(claimed, budget));
  }
}
