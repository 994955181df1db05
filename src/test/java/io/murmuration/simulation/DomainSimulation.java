package io.murmuration.simulation;

import io.murmuration.contribution.ContributionBounds;
import io.murmuration.privacy.budget.BudgetTerms;
import io.murmuration.privacy.budget.DurabilityTerms;
import io.murmuration.privacy.ledger.InMemoryLedger;
import io.murmuration.privacy.ledger.LedgerFactory;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.release.InMemoryModelStore;
import io.murmuration.release.ModelStore;
import io.murmuration.simulation.SimulatedSampler.Event;
import io.murmuration.training.InMemoryParameterStore;
import io.murmuration.training.ParameterStore;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.UUID;

/**
 * One seeded life of a privacy domain, in the manner of the simulation test of Kafka's Raft: the
 * real budget, ledger, sampler, workers, trainer and publisher logic, several attempts of several
 * jobs at once, on one ledger and one model store, under a single-threaded scheduler. It crashes
 * attempts at any instant, restores them from any earlier checkpoint, forks them into new jobs,
 * starts jobs without state, stops them with savepoints, lets the crashed go on for a while as if
 * they were only cut off, takes the broker away, fails writes before and after their effect, loses,
 * delays, repeats and reorders notifications and acknowledgements, and sets clocks back. After
 * every event the {@link Audit} looks at what is there.
 */
final class DomainSimulation implements AutoCloseable {

  static final Duration INTERVAL = Duration.ofMillis(100);
  static final String DOMAIN = "flock";

  private static final int EVENTS = 1_000;
  private static final int MOST_ATTEMPTS = 3;
  private static final int USERS = 4;

  /** Rounds that a life's budget affords: some lives see it spent, others train to their end. */
  private static final int[] AFFORDED = {4, 12, 48};

  private final Bug bug;
  private final String ledgerName;
  private final Map<Happening, Integer> happenings = new EnumMap<>(Happening.class);
  private final List<SimulatedAttempt> living = new ArrayList<>();
  private final List<SimulatedAttempt> zombies = new ArrayList<>();
  private final List<Checkpoint> checkpoints = new ArrayList<>();
  private final boolean raises;
  private final RoundMechanism mechanism;
  private final double budget;
  private BudgetTerms terms;

  /** Those before the budget was raised, which somebody may still submit; else the same. */
  private final BudgetTerms formerTerms;

  private boolean brokerAway;
  private int jobs;

  final SplittableRandom random;
  final LedgerFactory ledger;
  final ModelStore releases = new InMemoryModelStore();
  final ParameterStore parameters;
  final List<Event> input = new ArrayList<>();
  final Audit audit;
  final boolean keepsAll;
  final ContributionBounds bounds;
  long clockMillis = 1_000_000;

  DomainSimulation(long seed, Bug bug) {
    this.random = new SplittableRandom(seed);
    this.bug = bug;
    this.ledgerName = "simulation-" + bug + "-" + seed;
    this.ledger = InMemoryLedger.factory(ledgerName);
    ParameterStore store = new InMemoryParameterStore(ledgerName + UUID.randomUUID());
    this.parameters = bug == Bug.PARAMETERS_OF_OTHERS_DELETED ? new GreedyStore(store) : store;
    this.audit = new Audit(ledger, releases);
    this.mechanism = Accountants.mechanism(seed);
    boolean byExample = mechanism.sampler() == Sampler.ELS;
    this.keepsAll = random.nextBoolean() && !byExample;
    this.bounds =
        keepsAll
            ? new ContributionBounds(1 << 20, EVENTS, /* windows= */ 1)
            : byExample
                ? new ContributionBounds(/* windowTicks= */ 5, /* examplesPerWindow= */ 1, 3)
                : new ContributionBounds(/* windowTicks= */ 5, /* examplesPerWindow= */ 2, 2);
    this.raises = random.nextInt(4) == 0;
    this.budget = Accountants.budgetFor(mechanism, AFFORDED[random.nextInt(AFFORDED.length)]);
    this.terms = BudgetTerms.of(DOMAIN, budget, Accountants.DELTA, INTERVAL, mechanism);
    this.formerTerms = terms;
  }

  /**
   * Lives to the end.
   *
   * @throws AssertionError at the first broken invariant
   */
  Map<Happening, Integer> run() throws Exception {
    for (int event = 0; event < EVENTS; event++) {
      happen(event);
      audit.check();
    }
    if (audit.wastedEpochs() > 0) {
      happenings.put(Happening.WASTED_EPOCH, audit.wastedEpochs());
    }
    return happenings;
  }

  private void happen(int event) throws Exception {
    if (raises && event == EVENTS / 2) {
      terms =
          BudgetTerms.of(DOMAIN, 2 * budget, 2 * Accountants.DELTA, INTERVAL, mechanism)
              .raisingBudget();
      note(Happening.BUDGET_RAISED);
    }
    if (random.nextInt(brokerAway ? 16 : 256) == 0) {
      brokerAway = !brokerAway;
      if (brokerAway) {
        note(Happening.BROKER_AWAY);
      }
    }
    int dice = random.nextInt(200);
    if (living.isEmpty() || (dice < 1 && living.size() < MOST_ATTEMPTS)) {
      start();
    } else if (dice < 2) {
      zombies.add(living.remove(random.nextInt(living.size())));
      note(Happening.CRASH);
    } else if (dice < 4) {
      clockMillis -= random.nextInt(2_000);
    } else if (dice < 11) {
      clockMillis += random.nextInt(250);
    } else if (dice < 23) {
      input.add(new Event("user-" + random.nextInt(USERS), "text " + input.size()));
    } else if (dice < 29 && !zombies.isEmpty()) {
      note(Happening.ZOMBIE_STEP);
      zombies.get(random.nextInt(zombies.size())).step();
    } else {
      living.get(random.nextInt(living.size())).step();
    }
  }

  private void start() throws Exception {
    if (checkpoints.isEmpty() || random.nextInt(5) == 0) {
      note(Happening.FRESH_START);
      living.add(new SimulatedAttempt(this, bug, newJob(), submitted(), Optional.empty()));
      return;
    }
    Checkpoint checkpoint = checkpoints.get(random.nextInt(checkpoints.size()));
    boolean sameJob = random.nextBoolean();
    note(sameJob ? Happening.RESTORE : Happening.FORK);
    living.add(
        new SimulatedAttempt(
            this,
            bug,
            sameJob ? checkpoint.jobId() : newJob(),
            sameJob ? checkpoint.terms() : submitted(),
            Optional.of(checkpoint)));
  }

  private BudgetTerms submitted() {
    return random.nextInt(8) == 0 ? formerTerms : terms;
  }

  /** Of an attempt; drawn afresh, since a job may be submitted with other terms. */
  DurabilityTerms durability() {
    return new DurabilityTerms(
        1 + random.nextInt(3),
        INTERVAL,
        /* mostWastedEpochs= */ 1 + random.nextInt(5),
        /* startTicks= */ random.nextInt(2));
  }

  private String newJob() {
    return "job-" + ++jobs;
  }

  /** A checkpoint of a living attempt is complete: from now on it can be restored from. */
  void completed(Checkpoint checkpoint) {
    note(Happening.CHECKPOINT);
    checkpoints.add(checkpoint);
    checkpoint.publisher().names().forEach(audit::checkpointed);
  }

  /** Whether the budget was raised since. */
  boolean isOutdated(BudgetTerms submitted) {
    return !submitted.equals(terms);
  }

  /** An attempt ends for good. */
  void end(SimulatedAttempt attempt, Happening why) {
    note(why);
    living.remove(attempt);
  }

  /** An attempt fails: another that came after it took the parameters that it needs. */
  void evicted(SimulatedAttempt attempt, ModelVersion model) {
    Audit.require(
        audit.ledgerState().epoch() > model.epoch(), "the model of a live attempt is gone", model);
    note(Happening.MODEL_EVICTED);
    living.remove(attempt);
    zombies.remove(attempt);
  }

  /** Whether an attempt has ended, and is not even cut off. */
  boolean isOver(SimulatedAttempt attempt) {
    return !living.contains(attempt) && !zombies.contains(attempt);
  }

  boolean isAlive(SimulatedAttempt attempt) {
    return living.contains(attempt);
  }

  List<SimulatedAttempt> living() {
    return List.copyOf(living);
  }

  /** Whether ledger, feedback and events are out of reach for everybody. */
  boolean brokerIsAway() {
    return brokerAway;
  }

  void note(Happening happening) {
    happenings.merge(happening, 1, Integer::sum);
  }

  @Override
  public void close() {
    InMemoryLedger.forget(ledgerName);
  }

  /** The planted bug: whoever puts parameters deletes all others. */
  private record GreedyStore(ParameterStore real) implements ParameterStore {

    @Override
    public void put(Key key, float[] values) throws IOException {
      real.put(key, values);
    }

    @Override
    public float[] get(Key key) throws IOException {
      return real.get(key);
    }

    @Override
    public void deleteSuperseded(ModelVersion version) throws IOException {
      float[] own = real.get(Key.ofParameters(version));
      real.deleteSuperseded(
          new ModelVersion(
              version.submission(), Long.MAX_VALUE, 0, version.digest(), version.frozenDigest()));
      real.put(Key.ofParameters(version), own);
    }
  }
}
