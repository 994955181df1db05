package io.murmuration.simulation;

import static io.murmuration.simulation.Audit.require;

import io.murmuration.contribution.UserSample;
import io.murmuration.privacy.budget.BudgetTerms;
import io.murmuration.privacy.budget.DurabilityGate;
import io.murmuration.privacy.budget.DurabilityTerms;
import io.murmuration.privacy.budget.LedgerSession;
import io.murmuration.privacy.budget.LedgerSession.Opening;
import io.murmuration.privacy.budget.RoundCoordinator;
import io.murmuration.privacy.budget.RoundCoordinator.Step;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerPosition;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.PublicClock;
import io.murmuration.privacy.mechanism.RoundExecuted;
import io.murmuration.release.ReleaseCatalog;
import io.murmuration.release.RoundRelease;
import io.murmuration.simulation.Elements.Barrier;
import io.murmuration.simulation.Elements.Tick;
import io.murmuration.simulation.SimulatedWorker.ModelEvictedException;
import io.murmuration.training.TrainerState;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.SplittableRandom;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * One attempt of a job: the parts, wired as the topology wires them, with channels between them
 * that deliver in order but at any time, and aligned barriers.
 */
final class SimulatedAttempt {

  private static final int MOST_WORKERS = 3;
  private static final long NONE = 0;

  /**
   * So much arrives at a time: elements pass many channels, and a life should see more than one
   * round.
   */
  private static final int MOST_DELIVERIES = 10;

  /** Of so many chances, a person takes one to stop the job. */
  private static final int STOPS = 2_048;

  /** Of so many chances, the first repetition of what train says takes one; later ones fewer. */
  private static final int FIRST_REPETITION = 32;

  private final DomainSimulation world;
  private final SplittableRandom random;
  private final Bug bug;
  private final String jobId;
  private final BudgetTerms terms;
  private final Optional<LedgerPosition> restored;

  private final Pace pace;
  private final DurabilityTerms durability;
  private final DurabilityGate gate;
  private final RoundCoordinator coordinator;
  private final LedgerSession session;
  private final SimulatedSampler sampler;
  private final List<SimulatedWorker> workers = new ArrayList<>();
  private final SimulatedTrainer trainer;
  private final SimulatedPublisher publisher;

  private final Deque<Object> signalsToSampler = new ArrayDeque<>();
  private final Deque<Object> signalsToTrainer = new ArrayDeque<>();
  private final List<Deque<Object>> signalsToWorkers = new ArrayList<>();
  private final List<Deque<Object>> samples = new ArrayList<>();
  private final List<Deque<Object>> partials = new ArrayList<>();
  private final Deque<Object> releases = new ArrayDeque<>();
  private final Deque<Object> fromTrain = new ArrayDeque<>();
  private final List<Told> possible = new ArrayList<>();
  private List<Object> unanswered = List.of();
  private int repetitionPause;
  private final List<Long> notifications = new ArrayList<>();

  /** Rounds of this epoch, and what is known of checkpoints here that the gate must find out. */
  private final List<Grant> granted = new ArrayList<>();

  private final Set<Long> barriersBeforeTheEpoch = new HashSet<>();
  private boolean epochStarted;
  private boolean checkpointOfTheEpoch;
  private long heldRound;

  private Optional<LedgerPosition> position;
  private Work work;
  private Told told;
  private long lastTick;
  private Optional<RoundExecuted> inFlight = Optional.empty();
  private boolean chargedBefore;
  private long lastCheckpoint;
  private long lastNotified;

  /** The checkpoint that the job is stopped with. */
  private long savepoint = NONE;

  private boolean checkpointUnderWay;
  private Optional<LedgerPosition> barrierPosition = Optional.empty();
  private SimulatedSampler.State barrierSampler;

  /** Work of the ledger's thread, done at some moment and told at a later one. */
  private interface Work {
    Told run() throws LedgerException, InterruptedException;
  }

  /** Tells the operator's thread what became of its work. */
  private interface Told {
    void deliver() throws Exception;
  }

  /** What the planted bug takes for terms. */
  private static final DurabilityTerms NO_LIMIT =
      new DurabilityTerms(Integer.MAX_VALUE, Duration.ZERO, Integer.MAX_VALUE);

  SimulatedAttempt(
      DomainSimulation world,
      Bug bug,
      String jobId,
      BudgetTerms terms,
      Optional<Checkpoint> checkpoint)
      throws Exception {
    this.world = world;
    this.random = world.random;
    this.bug = bug;
    this.jobId = jobId;
    this.terms = terms;
    pace = Pace.draw(random);
    restored = checkpoint.flatMap(Checkpoint::position);
    position = restored;
    lastTick = restored.map(LedgerPosition::tick).orElse(0L);
    lastCheckpoint = checkpoint.map(Checkpoint::id).orElse(0L);
    durability = world.durability();
    gate =
        new DurabilityGate(
            bug == Bug.GATE_OFF ? NO_LIMIT : durability,
            restored.map(LedgerPosition::executedRound).orElse(0L));
    coordinator = new RoundCoordinator(terms.phases(), lastTick, gate);
    ReleaseCatalog catalog = new ReleaseCatalog(world.releases);
    session =
        new LedgerSession(
            SimulatedLedger::new,
            terms,
            Accountants::of,
            () -> catalog.ledgerHashes(DomainSimulation.DOMAIN),
            jobId,
            restored);
    UniformRandomProvider coins = random::nextLong;
    sampler =
        new SimulatedSampler(
            checkpoint.map(Checkpoint::sampler).orElseGet(SimulatedSampler.State::empty),
            world.bounds,
            world.keepsAll,
            world.input,
            bug,
            coins,
            this::distribute);
    int parallelism = 1 + random.nextInt(MOST_WORKERS);
    long workersEpoch = checkpoint.map(Checkpoint::workersEpoch).orElse(0L);
    for (int worker = 0; worker < parallelism; worker++) {
      Deque<Object> sent = new ArrayDeque<>();
      partials.add(sent);
      samples.add(new ArrayDeque<>());
      signalsToWorkers.add(new ArrayDeque<>());
      workers.add(
          new SimulatedWorker(
              worker, parallelism, workersEpoch, bug, world.parameters, random, sent::add));
    }
    trainer =
        new SimulatedTrainer(
            checkpoint.map(Checkpoint::trainer).orElseGet(SimulatedTrainer.State::empty),
            parallelism,
            jobId,
            bug,
            world.audit,
            world.parameters,
            random);
    publisher =
        new SimulatedPublisher(
            checkpoint.map(Checkpoint::publisher).orElseGet(SimulatedPublisher.State::empty),
            bug,
            world.releases,
            random,
            world::note);
    work = this::open;
  }

  /** Some of the things that can happen in this attempt now, at random, one after the other. */
  void step() throws Exception {
    int deliveries = 1 + random.nextInt(MOST_DELIVERIES);
    for (int i = 0; i < deliveries && !world.isOver(this); i++) {
      deliver();
    }
  }

  private void deliver() throws Exception {
    possible.clear();
    offer(chance(pace.clock()), this::pulse);
    offer(work != null && chance(pace.ledger()), this::work);
    offer(told != null, this::tell);
    offer(!fromTrain.isEmpty() && chance(pace.feedback()), this::hear);
    offer(sampler.hasInput() && !world.brokerIsAway() && chance(pace.source()), sampler::takeEvent);
    offer(!signalsToSampler.isEmpty(), () -> sampler(signalsToSampler.remove()));
    for (int worker = 0; worker < workers.size(); worker++) {
      if (chance(pace.workers())) {
        offerWorker(worker);
      }
    }
    offer(isOpen(signalsToTrainer), () -> signal(signalsToTrainer.remove()));
    offer(trainerAtBarrier(), this::trainerBarrier);
    offer(trainer.canAnnounce(), this::announce);
    offer(!unanswered.isEmpty() && chance(repetitionPause), this::announceAgain);
    offer(trainer.canExecute() && chance(pace.trainer()), this::execute);
    offer(trainer.canComplete() && chance(pace.trainer()), this::complete);
    offer(!releases.isEmpty() && chance(pace.publisher()), () -> publish(releases.remove()));
    offer(mayTrigger() && checkpointIsDue(), this::trigger);
    offer(mayTrigger() && chance(STOPS), this::stopWithSavepoint);
    offer(!notifications.isEmpty() && chance(pace.notifications()), this::notifyCompleted);
    if (possible.isEmpty()) {
      return;
    }
    try {
      possible.get(random.nextInt(possible.size())).deliver();
    } catch (ModelEvictedException e) {
      world.evicted(this, e.model());
    }
  }

  /** Whether the one case in so many has come. */
  private boolean chance(int of) {
    return of == 1 || random.nextInt(of) == 0;
  }

  private void offerWorker(int index) {
    SimulatedWorker worker = workers.get(index);
    Deque<Object> signals = signalsToWorkers.get(index);
    Deque<Object> sampled = samples.get(index);
    Deque<Object> sums = partials.get(index);
    offer(isOpen(signals), () -> worker.takeSignal(signals.remove()));
    offer(isOpen(sampled), () -> worker.takeSample(sampled.remove()));
    offer(
        isAtBarrier(signals) && isAtBarrier(sampled),
        () -> {
          signals.remove();
          sums.add(sampled.remove());
        });
    offer(worker.canSum(), worker::sum);
    offer(worker.canSend(), worker::send);
    offer(isOpen(sums), () -> trainer.takePartial(index, sums.remove(), sampler));
  }

  private void offer(boolean now, Told what) {
    if (now) {
      possible.add(what);
    }
  }

  // ---- budget ----

  private void work() throws InterruptedException {
    Work doing = work;
    work = null;
    try {
      told = doing.run();
    } catch (LedgerException.Refused e) {
      if (!world.isOutdated(terms)) {
        throw new AssertionError("an undamaged ledger was refused", e);
      }
      // a job submitted before the raise that never got to the ledger: its budget is too low now
      world.end(this, Happening.OUTDATED_TERMS_REFUSED);
    } catch (LedgerException e) {
      told = this::loseLedger;
    } catch (IllegalArgumentException e) {
      throw new AssertionError("an entry was due that cannot follow", e);
    }
  }

  private void tell() throws Exception {
    Told delivering = told;
    told = null;
    delivering.deliver();
  }

  private Told open() throws LedgerException, InterruptedException {
    Opening opening = session.open(world.clockMillis);
    return () -> opened(opening);
  }

  private void opened(Opening opening) {
    coordinator
        .opened(opening, world.clockMillis)
        .ifPresent(
            start -> {
              require(start.firstTick() > lastTick, "an epoch starts in the past", start);
              send(start);
              epochStarted = true;
            });
    remember(opening.state());
    if (opening instanceof Opening.Superseded) {
      world.note(Happening.FENCED);
    }
  }

  private void pulse() {
    world.clockMillis += random.nextInt(2 * (int) DomainSimulation.INTERVAL.toMillis());
    if (coordinator.maySpend()) {
      Happening.of(gate.verdict(world.clockMillis)).ifPresent(world::note);
    }
    Step step = coordinator.pulse(world.clockMillis);
    if (step instanceof Step.Pass pass) {
      sendTick(pass.tick());
    } else if (step instanceof Step.Charge charge) {
      require(inFlight.isEmpty(), "a second round while one is in flight", charge);
      require(savepoint == NONE, "a charge that no checkpoint will follow", charge);
      work = () -> charge(charge);
    } else if (step instanceof Step.Halt halt) {
      work = () -> halt(halt.reason());
    }
  }

  private Told charge(Step.Charge charge) throws LedgerException, InterruptedException {
    long tick = charge.tick();
    if (bug == Bug.TICK_CHARGED_TWICE_AFTER_ROLLBACK && !chargedBefore) {
      tick = restored.map(LedgerPosition::tick).orElse(0L) + 1;
    }
    chargedBefore = true;
    LedgerState before = session.state();
    try {
      Grant grant = session.charge(tick, Math.min(tick, charge.dueTick()), OptionalDouble.empty());
      LedgerState after = session.state();
      return () -> granted(grant, after);
    } catch (LedgerException e) {
      if (bug != Bug.GRANT_BEFORE_ACKNOWLEDGEMENT) {
        throw e;
      }
      return eagerly(before, tick);
    }
  }

  /** The planted bug: a grant although the outcome of its charge is unknown. */
  private Told eagerly(LedgerState before, long tick) {
    LedgerRecord.Charge charge =
        new LedgerRecord.Charge(
            before.epoch(), before.rounds() + 1, tick, before.phase().orElseThrow().phase());
    LedgerEntry entry = LedgerEntry.after(before, charge);
    Grant grant =
        new Grant(
            charge.epoch(),
            charge.round(),
            tick,
            charge.phase(),
            terms.mechanism(),
            before.reserved().epsilon(),
            before.reserved().delta(),
            entry.hash(),
            PublicClock.UNKNOWN,
            /* horizon= */ null,
            before.roundsInPhase());
    return () -> granted(grant, before.apply(entry));
  }

  private void granted(Grant grant, LedgerState after) throws Exception {
    long tick = coordinator.granted(grant, after);
    require(grant.tick() > lastTick, "a grant behind its tick", grant);
    world.audit.granted(grant);
    world.note(Happening.GRANT);
    granted.add(grant);
    require(checkpointOfTheEpoch, "a grant before a checkpoint of its epoch completed", grant);
    long atRisk = granted.stream().filter(mine -> mine.round() > heldRound).count();
    require(
        atRisk <= durability.maxUndurableRounds(),
        "a failure would lose more rounds than the terms allow",
        atRisk);
    inFlight = Optional.of(new RoundExecuted(grant.epoch(), grant.round()));
    remember(after);
    send(grant);
    sendTick(tick);
  }

  private Told halt(HaltReason reason) throws LedgerException, InterruptedException {
    session.halt(reason);
    LedgerState after = session.state();
    return () -> {
      world.note(Happening.BUDGET_SPENT);
      long tick = coordinator.haltRecorded(after);
      remember(after);
      sendTick(tick);
    };
  }

  private void loseLedger() {
    if (coordinator.ledgerLost() instanceof Step.Pass pass) {
      sendTick(pass.tick());
    }
    work = this::open;
  }

  private void hear() {
    Object heard = fromTrain.remove();
    if (heard instanceof ModelVersion model) {
      if (model.submission().equals(jobId) && coordinator.announced(model)) {
        world.note(Happening.MODEL_ANNOUNCED);
        send(model);
      }
    } else {
      RoundExecuted executed = (RoundExecuted) heard;
      coordinator.acknowledged(executed);
      if (inFlight.filter(executed::equals).isPresent()) {
        inFlight = Optional.empty();
      }
    }
  }

  private void sendTick(long tick) {
    require(tick > lastTick, "time went back from " + lastTick, tick);
    lastTick = tick;
    send(new Tick(tick));
  }

  private void send(Object element) {
    signalsToSampler.add(element);
    signalsToWorkers.forEach(signals -> signals.add(element));
    signalsToTrainer.add(element);
  }

  private void remember(LedgerState state) {
    position =
        Optional.of(
            new LedgerPosition(
                state.nextSequence() - 1, state.headHash(), lastTick, gate.executedRound()));
  }

  // ---- sampler, trainer, publisher ----

  private void sampler(Object element) {
    if (element instanceof Barrier) {
      barrierSampler = sampler.snapshot();
    }
    sampler.take(element);
  }

  /** All that a user sends to one worker, everything else to each. */
  private void distribute(Object element) {
    if (element instanceof UserSample sample) {
      samples.get(Math.floorMod(sample.userId().hashCode(), samples.size())).add(sample);
    } else {
      samples.forEach(sampled -> sampled.add(element));
    }
  }

  private void signal(Object element) {
    if (element instanceof Grant) {
      unanswered = List.of();
    }
    trainer.takeSignal(element, sampler);
  }

  private void execute() {
    world.note(Happening.EXECUTED);
    if (trainer.execute(sampler).sum().slices() == 0) {
      world.note(Happening.EMPTY_COHORT);
    }
  }

  private void complete() {
    RoundRelease release = trainer.complete();
    releases.add(release);
  }

  private void announce() throws IOException {
    unanswered = trainer.announce();
    repetitionPause = FIRST_REPETITION;
    say();
  }

  /** As train does until it hears of a later round. */
  private void announceAgain() {
    world.note(Happening.ACKNOWLEDGEMENT_REPEATED);
    repetitionPause *= 2;
    say();
  }

  /** Says it on the feedback topic: everybody who subscribed hears it, unless it is lost. */
  private void say() {
    if (world.brokerIsAway() || chance(8)) {
      world.note(Happening.ACKNOWLEDGEMENT_LOST);
      return;
    }
    for (SimulatedAttempt listener : world.living()) {
      listener.fromTrain.addAll(unanswered);
    }
  }

  private void publish(Object element) throws Exception {
    if (element instanceof PublisherBarrier barrier) {
      checkpointUnderWay = false;
      if (bug == Bug.NOTE_AFTER_THE_BARRIER
          && !barriersBeforeTheEpoch.contains(barrier.checkpoint())) {
        gate.barrier(barrier.checkpoint());
      }
      SimulatedPublisher.State staged = publisher.snapshot(barrier.checkpoint());
      if (world.isAlive(this)) {
        world.completed(
            new Checkpoint(
                barrier.checkpoint(),
                jobId,
                terms,
                barrier.position(),
                barrier.sampler(),
                barrier.workersEpoch(),
                barrier.trainer(),
                staged));
        notifications.add(barrier.checkpoint());
        checkpointOfTheEpoch |= !barriersBeforeTheEpoch.contains(barrier.checkpoint());
        hold(barrier.trainer().model().map(TrainerState::round).orElse(0L));
      }
    } else {
      publisher.write((RoundRelease) element);
    }
  }

  /** A completed checkpoint holds this round and all before it. */
  private void hold(long round) {
    for (Grant grant : granted) {
      if (grant.round() > heldRound && grant.round() <= round) {
        world.note(Happening.DURABLE);
        world.audit.durable(grant.epoch());
      }
    }
    heldRound = Math.max(heldRound, round);
  }

  // ---- checkpoints ----

  /** On its way from trainer to publisher, with what those before it have snapshot. */
  private record PublisherBarrier(
      long checkpoint,
      Optional<LedgerPosition> position,
      SimulatedSampler.State sampler,
      long workersEpoch,
      SimulatedTrainer.State trainer) {}

  private boolean mayTrigger() {
    return !checkpointUnderWay && savepoint == NONE;
  }

  private void stopWithSavepoint() {
    trigger();
    savepoint = lastCheckpoint;
    if (bug != Bug.CHARGE_WHILE_STOPPING) {
      gate.stopping();
    }
  }

  /** Periodic, or asked for by the job manager's coordinator while rounds wait for it. */
  private boolean checkpointIsDue() {
    return chance(pace.checkpoints(gate.wantsCheckpoint(world.clockMillis)));
  }

  private void trigger() {
    checkpointUnderWay = true;
    lastCheckpoint++;
    if (!epochStarted) {
      barriersBeforeTheEpoch.add(lastCheckpoint);
    }
    gate.barrier(lastCheckpoint);
    barrierPosition =
        position.map(
            p -> new LedgerPosition(p.sequence(), p.hash(), lastTick, gate.executedRound()));
    send(new Barrier(lastCheckpoint));
  }

  private static boolean isOpen(Deque<Object> channel) {
    return !channel.isEmpty() && !(channel.peek() instanceof Barrier);
  }

  private static boolean isAtBarrier(Deque<Object> channel) {
    return channel.peek() instanceof Barrier;
  }

  private boolean trainerAtBarrier() {
    return isAtBarrier(signalsToTrainer)
        && partials.stream().allMatch(SimulatedAttempt::isAtBarrier);
  }

  private void trainerBarrier() {
    partials.forEach(Deque::remove);
    Barrier barrier = (Barrier) signalsToTrainer.remove();
    releases.add(
        new PublisherBarrier(
            barrier.checkpoint(),
            barrierPosition,
            barrierSampler,
            workers.stream().mapToLong(SimulatedWorker::lastEpoch).max().orElseThrow(),
            trainer.snapshot()));
  }

  private void notifyCompleted() throws Exception {
    long checkpoint = notifications.remove(random.nextInt(notifications.size()));
    boolean beforeTheEpoch = barriersBeforeTheEpoch.contains(checkpoint);
    if ((bug == Bug.SETTLE_WHAT_IS_ACKNOWLEDGED && !beforeTheEpoch)
        || (bug == Bug.ANY_CHECKPOINT_OPENS_THE_GATE && beforeTheEpoch)) {
      gate.barrier(checkpoint);
    }
    if (checkpoint != savepoint && chance(6)) {
      world.note(Happening.NOTIFICATION_LOST);
      return;
    }
    if (checkpoint < lastNotified) {
      world.note(Happening.NOTIFICATION_DISORDERED);
    }
    lastNotified = Math.max(lastNotified, checkpoint);
    publisher.commitUpTo(lastNotified);
    gate.completed(checkpoint);
    if (checkpoint == savepoint && world.isAlive(this)) {
      world.end(this, Happening.STOPPED_WITH_SAVEPOINT);
    }
  }

  /** The real ledger, with others getting their turn at the worst moments. */
  private final class SimulatedLedger implements Ledger {
    private final Ledger real = world.ledger.create();

    @Override
    public String location() {
      return real.location();
    }

    @Override
    public List<LedgerEntry> read() throws LedgerException, InterruptedException {
      requireBroker();
      return real.read();
    }

    @Override
    public List<LedgerEntry> open() throws LedgerException, InterruptedException {
      if (random.nextInt(8) == 0) {
        throw new LedgerException.Unavailable("planted: unreachable");
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

    private void requireBroker() throws LedgerException.Unavailable {
      if (world.brokerIsAway()) {
        throw new LedgerException.Unavailable("planted: the broker is away");
      }
    }

    private void letOthersWrite() throws InterruptedException {
      for (SimulatedAttempt other : world.living()) {
        if (other != SimulatedAttempt.this
            && other.work != null
            && other.coordinator.holdsLedger()) {
          other.work();
        }
      }
    }

    @Override
    public void append(LedgerEntry entry) throws LedgerException, InterruptedException {
      requireBroker();
      int dice = random.nextInt(12);
      if (dice == 0) {
        world.note(Happening.LOST_APPEND);
        throw new LedgerException.Unavailable("planted: lost");
      }
      real.append(entry);
      if (dice == 1) {
        world.note(Happening.UNACKNOWLEDGED_APPEND);
        throw new LedgerException.Unavailable("planted: written, but nobody knows");
      }
    }

    @Override
    public void close() {
      real.close();
    }
  }
}
