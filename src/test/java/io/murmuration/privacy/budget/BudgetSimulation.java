package io.murmuration.privacy.budget;

import io.murmuration.privacy.budget.FaultyLedger.Fault;
import io.murmuration.privacy.budget.LedgerSession.Opening;
import io.murmuration.privacy.budget.RoundCoordinator.Step;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * One seeded life of a privacy domain: the real sessions and coordinators on an in-memory ledger,
 * under a scheduler that crashes them, restores them from any earlier snapshot, forks them, loses
 * acknowledgements, delays results, lets the writes of the dead arrive late, and sets clocks back.
 * After every event the invariants are checked.
 */
final class BudgetSimulation implements AutoCloseable {

  /** A mistake planted to see that the invariants catch it. */
  enum Bug {
    NONE,
    GRANT_BEFORE_ACKNOWLEDGEMENT,
    READ_BEFORE_FENCING,
    ROUNDS_FROM_STATE,
    TICKS_FROM_STATE
  }

  /** What happened, to show that a life is eventful. */
  enum Happening {
    GRANT,
    BUDGET_SPENT,
    FENCED,
    LOST_CHARGE,
    UNACKNOWLEDGED_CHARGE,
    RESTORE,
    FORK,
    LATE_WRITE
  }

  private static final int EVENTS = 150;
  private static final int MOST_ATTEMPTS = 3;
  private static final double EPSILON = 4;

  private final SplittableRandom random;
  private final Bug bug;
  private final String store;
  private final LedgerFactory realLedger;
  private final Map<Happening, Integer> happenings = new HashMap<>();
  private final List<Attempt> living = new ArrayList<>();
  private final List<Attempt> dead = new ArrayList<>();
  private final List<Snapshot> snapshots = new ArrayList<>();
  private final Set<Long> grantedRounds = new HashSet<>();
  private final Set<Long> grantedTicks = new HashSet<>();
  private LedgerState audited = LedgerState.empty();
  private final Map<String, LedgerRecord> auditedRecords = new HashMap<>();
  private boolean written;
  private long clockMillis = 1_000_000;
  private int jobs;

  BudgetSimulation(long seed, Bug bug) {
    this.random = new SplittableRandom(seed);
    this.bug = bug;
    this.store = "simulation-" + bug + "-" + seed;
    this.realLedger = InMemoryLedger.factory(store);
  }

  /** What an operator leaves in a checkpoint. */
  private record Snapshot(String jobId, Optional<LedgerPosition> position) {}

  /** Work of the ledger's thread, done at some moment and told at a later one. */
  private interface Work {
    Told run() throws LedgerException, InterruptedException;
  }

  /** Tells the operator's thread what became of its work. */
  private interface Told {
    void deliver();
  }

  /**
   * Lives to the end.
   *
   * @throws AssertionError at the first broken invariant
   */
  Map<Happening, Integer> run() throws Exception {
    for (int event = 0; event < EVENTS; event++) {
      happen();
      if (written) {
        audit();
      }
    }
    return happenings;
  }

  private void happen() throws Exception {
    int dice = random.nextInt(100);
    if (living.isEmpty() || (dice < 2 && living.size() < MOST_ATTEMPTS)) {
      start();
    } else if (dice < 5) {
      dead.add(living.remove(random.nextInt(living.size())));
    } else if (dice < 7) {
      clockMillis -= random.nextInt(2_000);
    } else if (dice < 25) {
      clockMillis += random.nextInt(250);
    } else if (dice < 28 && !dead.isEmpty()) {
      Attempt zombie = dead.get(random.nextInt(dead.size()));
      if (zombie.work != null) {
        note(Happening.LATE_WRITE);
        zombie.work();
      }
    } else {
      living.get(random.nextInt(living.size())).step();
    }
  }

  private void start() {
    if (snapshots.isEmpty() || random.nextInt(4) == 0) {
      living.add(new Attempt("job-" + ++jobs, Optional.empty()));
      return;
    }
    Snapshot snapshot = snapshots.get(random.nextInt(snapshots.size()));
    boolean sameJob = random.nextBoolean();
    note(sameJob ? Happening.RESTORE : Happening.FORK);
    living.add(new Attempt(sameJob ? snapshot.jobId() : "job-" + ++jobs, snapshot.position()));
  }

  /** The ledger is always one that a correct history could have written. */
  private void audit() throws Exception {
    written = false;
    List<LedgerEntry> entries = realLedger.create().read();
    for (LedgerEntry entry : entries.subList((int) audited.nextSequence(), entries.size())) {
      try {
        audited = audited.apply(entry);
      } catch (IllegalArgumentException e) {
        throw new AssertionError("the ledger broke: " + e.getMessage(), e);
      }
      auditedRecords.put(entry.hash(), entry.record());
    }
  }

  private void auditGrant(Grant grant) throws Exception {
    audit();
    LedgerRecord charge =
        new LedgerRecord.Charge(grant.epoch(), grant.round(), grant.tick(), grant.phase());
    require(
        charge.equals(auditedRecords.get(grant.ledgerHash())),
        "grant without a durable charge: " + grant);
    require(grantedRounds.add(grant.round()), "round granted twice: " + grant);
    require(grantedTicks.add(grant.tick()), "tick granted twice: " + grant);
    // Every round costs epsilon 1, and every round that was ever granted may have been executed.
    long visible = grantedRounds.stream().filter(round -> round <= grant.round()).count();
    require(grant.epsilonSpent() >= visible, "epsilon below what was spent: " + grant);
    require(grant.epsilonSpent() <= EPSILON, "epsilon above the budget: " + grant);
    note(Happening.GRANT);
  }

  private void note(Happening happening) {
    happenings.merge(happening, 1, Integer::sum);
  }

  private static void require(boolean condition, String violation) {
    if (!condition) {
      throw new AssertionError(violation);
    }
  }

  @Override
  public void close() {
    InMemoryLedger.forget(store);
  }

  /** One attempt of a job, wired as the operator wires it. */
  private final class Attempt {
    private final String jobId;
    private final Optional<LedgerPosition> restored;
    private final RoundCoordinator coordinator;
    private final LedgerSession session;
    private Optional<LedgerPosition> position;
    private Work work;
    private Told told;
    private Grant inFlight;
    private long lastWatermark;
    private boolean chargedBefore;

    Attempt(String jobId, Optional<LedgerPosition> restored) {
      this.jobId = jobId;
      this.restored = restored;
      this.position = restored;
      lastWatermark = restored.map(LedgerPosition::tick).orElse(0L);
      coordinator = new RoundCoordinator(BudgetTerms.UNLIMITED_ROUNDS, lastWatermark);
      session = Budgets.session(SimulatedLedger::new, Budgets.terms(EPSILON), jobId, restored);
      work = this::open;
    }

    void step() throws Exception {
      int dice = random.nextInt(10);
      if (dice < 3 && work != null) {
        work();
      } else if (dice < 6 && told != null) {
        Told delivering = told;
        told = null;
        delivering.deliver();
      } else if (dice < 7) {
        snapshot();
      } else if (dice < 8 && inFlight != null) {
        coordinator.acknowledged(new RoundExecuted(inFlight.epoch(), inFlight.round()));
        inFlight = null;
      } else {
        pulse();
      }
    }

    void work() throws InterruptedException {
      Work doing = work;
      work = null;
      try {
        told = doing.run();
      } catch (LedgerException.Refused e) {
        throw new AssertionError("an undamaged ledger was refused", e);
      } catch (LedgerException e) {
        told = this::loseLedger;
      } catch (IllegalArgumentException e) {
        throw new AssertionError("an entry was due that cannot follow", e);
      }
    }

    private Told open() throws LedgerException, InterruptedException {
      Opening opening = session.open(clockMillis);
      return () -> opened(opening);
    }

    private void opened(Opening opening) {
      coordinator
          .opened(opening, clockMillis)
          .ifPresent(
              start ->
                  require(
                      start.firstTick() > lastWatermark, "an epoch starts in the past: " + start));
      remember(opening.state());
      if (opening instanceof Opening.Superseded) {
        note(Happening.FENCED);
      }
    }

    private void pulse() {
      clockMillis += random.nextInt(2 * (int) Budgets.INTERVAL.toMillis());
      Step step = coordinator.pulse(clockMillis);
      if (step instanceof Step.Pass pass) {
        watermark(pass.tick());
      } else if (step instanceof Step.Charge charge) {
        require(inFlight == null, "a second round while one is in flight");
        work = () -> charge(charge.tick());
      } else if (step instanceof Step.Halt halt) {
        work = () -> halt(halt.reason());
      }
    }

    private Told charge(long dueTick) throws LedgerException, InterruptedException {
      long tick = dueTick;
      if (bug == Bug.TICKS_FROM_STATE && !chargedBefore) {
        tick = restored.map(LedgerPosition::tick).orElse(0L) + 1;
      }
      chargedBefore = true;
      LedgerState before = session.state();
      try {
        Grant grant = session.charge(tick);
        LedgerState after = session.state();
        return () -> granted(grant, after);
      } catch (LedgerException e) {
        if (bug != Bug.GRANT_BEFORE_ACKNOWLEDGEMENT) {
          throw e;
        }
        LedgerRecord.Charge charge =
            new LedgerRecord.Charge(before.epoch(), before.rounds() + 1, tick, 1);
        LedgerEntry entry = LedgerEntry.after(before, charge);
        Grant eager =
            new Grant(
                charge.epoch(),
                charge.round(),
                tick,
                1,
                Budgets.MECHANISM,
                charge.round(),
                Budgets.DELTA,
                entry.hash());
        return () -> granted(eager, before.apply(entry));
      }
    }

    private void granted(Grant grant, LedgerState after) {
      long tick = coordinator.granted(grant, after);
      require(grant.tick() > lastWatermark, "a grant behind its watermark: " + grant);
      try {
        auditGrant(grant);
      } catch (Exception e) {
        throw new AssertionError(e);
      }
      inFlight = grant;
      remember(after);
      watermark(tick);
    }

    private Told halt(HaltReason reason) throws LedgerException, InterruptedException {
      session.halt(reason);
      LedgerState after = session.state();
      return () -> {
        note(Happening.BUDGET_SPENT);
        long tick = coordinator.haltRecorded(after);
        remember(after);
        watermark(tick);
      };
    }

    private void loseLedger() {
      if (coordinator.ledgerLost() instanceof Step.Pass pass) {
        watermark(pass.tick());
      }
      work = this::open;
    }

    private void watermark(long tick) {
      require(tick > lastWatermark, "time went back from " + lastWatermark + " to " + tick);
      lastWatermark = tick;
    }

    private void remember(LedgerState state) {
      position =
          Optional.of(
              new LedgerPosition(state.nextSequence() - 1, state.headHash(), lastWatermark));
    }

    private void snapshot() {
      snapshots.add(
          new Snapshot(
              jobId, position.map(p -> new LedgerPosition(p.sequence(), p.hash(), lastWatermark))));
    }

    /** The real ledger, with others getting their turn at the worst moments. */
    private final class SimulatedLedger implements Ledger {
      private final Ledger real = realLedger.create();

      @Override
      public String location() {
        return real.location();
      }

      @Override
      public List<LedgerEntry> read() throws LedgerException, InterruptedException {
        return real.read();
      }

      @Override
      public List<LedgerEntry> open() throws LedgerException, InterruptedException {
        if (random.nextInt(8) == 0) {
          throw new LedgerException.Unavailable("planted");
        }
        List<LedgerEntry> tooEarly = real.read();
        letOthersWrite();
        List<LedgerEntry> entries = real.open();
        if (bug == Bug.READ_BEFORE_FENCING) {
          return tooEarly;
        }
        if (bug == Bug.ROUNDS_FROM_STATE && restored.isPresent()) {
          return entries.subList(0, (int) restored.get().sequence() + 1);
        }
        return entries;
      }

      private void letOthersWrite() throws InterruptedException {
        for (Attempt other : living) {
          if (other != Attempt.this && other.work != null && other.coordinator.holdsLedger()) {
            other.work();
          }
        }
      }

      @Override
      public void append(LedgerEntry entry) throws LedgerException, InterruptedException {
        int dice = random.nextInt(10);
        Fault fault = dice == 0 ? Fault.LOST : dice == 1 ? Fault.UNACKNOWLEDGED : Fault.NONE;
        if (fault != Fault.LOST) {
          real.append(entry);
          written = true;
        }
        if (fault != Fault.NONE) {
          note(fault == Fault.LOST ? Happening.LOST_CHARGE : Happening.UNACKNOWLEDGED_CHARGE);
          throw new LedgerException.Unavailable("planted: outcome unknown");
        }
      }

      @Override
      public void close() {
        real.close();
      }
    }
  }
}
