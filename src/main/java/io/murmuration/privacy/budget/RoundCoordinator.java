package io.murmuration.privacy.budget;

import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.LedgerRecord.GenerationOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundExecuted;
import io.murmuration.privacy.mechanism.RoundQuery;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Decides, pulse by pulse, whether time passes, a round is charged, or training halts.
 *
 * <p>It never blocks and knows neither clock nor ledger: its caller tells it the time and what
 * became of the ledger work it asked for, and does what the returned {@link Step} says. Rules:
 *
 * <ul>
 *   <li>A tick is (wall time − genesis) / round interval. Ticks start above the last charged tick
 *       and above the last tick that restored state had sent, and never decrease. Where the wall
 *       clock was set back behind that start, ticks count on from it at their usual pace.
 *   <li>At most one round is in flight: after a grant, ticks pass without a charge until the round
 *       is acknowledged as executed in this epoch. They are never queued.
 *   <li>Charges have a public schedule: the tick after the charge before, two after a calibration,
 *       whose outcome takes a tick of its own; the first of an epoch after as many ticks for
 *       recovery and first checkpoint as {@link DurabilityTerms} says, and after the pause that
 *       failures cost. A charge that cannot be made when it is due, since a round, a checkpoint or
 *       a recovery did not fit, is an overrun: it moves to a later tick and says when it was due.
 *       So ticks of charges tell of durations nothing but that.
 *   <li>A round is charged only when a model was announced in this epoch that holds the last
 *       executed round: after a restart, and after every round, workers know at what gradients are
 *       taken before anything is paid for.
 *   <li>A tick passes only when it is settled whether it is granted; while a charge is being
 *       written no time passes.
 *   <li>After a halt, while the ledger is out of reach, and while {@link DurabilityGate} holds the
 *       next charge back, time goes on.
 *   <li>Where train says that the model fails on public text, the next tick halts instead of
 *       charging. That depends on released numbers and public text alone.
 *   <li>A calibration counts as executed only when its outcome is in the ledger. An attempt whose
 *       outcome got lost is void: the next one is charged, as long as the phase reserved one.
 * </ul>
 *
 * <p>One thread uses an instance.
 *
 * <p>Long because the rules above are one state machine, and each of its transitions reads all of
 * the state.
 */
public final class RoundCoordinator {

  private static final long NONE = 0;

  private final PhaseSchedule phases;
  private final DurabilityGate gate;

  private long epoch;
  private long genesisMillis;
  private long roundIntervalMillis;
  private long tickOffset;
  private long lastTick;
  private LedgerState ledger = LedgerState.empty();
  private PhaseAccountant accountant;
  private boolean ledgerHeld;
  private long pendingTick = NONE;
  private long roundInFlight = NONE;
  private RoundQuery queryInFlight;
  private RoundExecuted unrecorded;
  private OptionalDouble nextClipNorm = OptionalDouble.empty();
  private long dueTick;
  private long earliestTick;
  private boolean chargedInEpoch;
  private long overruns;
  private ModelVersion model;
  private long lastUpdate = NONE;
  private HaltReason halt;
  private boolean modelFailed;

  /**
   * @param phases which phases are due
   * @param restoredTick the last tick that restored state had sent; 0 at a start without state
   * @param gate holds charges back until enough of what was granted is durable; this coordinator
   *     tells it of the epoch, of grants and acknowledgements, its caller of checkpoints
   */
  public RoundCoordinator(PhaseSchedule phases, long restoredTick, DurabilityGate gate) {
    this.phases = phases;
    this.gate = gate;
    this.lastTick = restoredTick;
  }

  /** What the caller has to do next. */
  public sealed interface Step {

    /** Nothing. */
    record Wait() implements Step {}

    /** Send the watermark of this tick: it is settled. */
    record Pass(long tick) implements Step {}

    /**
     * Charge a round at this tick, then call {@link RoundCoordinator#granted}.
     *
     * @param dueTick when it was due; below {@code tick} after an overrun
     */
    record Charge(long tick, long dueTick) implements Step {

      /** A charge that is on time. */
      public Charge(long tick) {
        this(tick, tick);
      }
    }

    /** Record the outcome of a calibration, then call {@link RoundCoordinator#concluded}. */
    record Conclude(long tick, RoundExecuted executed) implements Step {}

    /** Record the halt, then call {@link RoundCoordinator#haltRecorded}. */
    record Halt(long tick, HaltReason reason) implements Step {}
  }

  private static final Step WAIT = new Step.Wait();

  /**
   * The ledger is open: for the first time, or again after it was lost.
   *
   * @param nowMillis wall time
   * @return the start of the epoch, to be sent before all else; empty if it was sent already
   */
  public Optional<EpochStart> opened(LedgerSession.Opening opening, long nowMillis) {
    ledger = opening.state();
    if (opening instanceof LedgerSession.Opening.Owned owned) {
      accountant = owned.accountant();
      ledgerHeld = true;
      halt = ledger.halt().orElse(null);
    } else {
      fenced();
    }
    if (unrecorded != null && ledger.hasOutcomeOf(unrecorded.round())) {
      // the append whose outcome was not known had come through
      settleOutcome();
    }
    if (epoch != NONE) {
      return Optional.empty();
    }
    Genesis genesis = ledger.genesis().orElseThrow();
    epoch = ledger.epoch();
    genesisMillis = genesis.genesisMillis();
    roundIntervalMillis = genesis.roundIntervalMillis();
    // The tick under way is never granted: the first is one that this epoch sees from its start.
    long nextTick = wallTick(nowMillis) + 1;
    long firstTick = Math.max(nextTick, Math.max(ledger.lastChargedTick(), lastTick) + 1);
    tickOffset = firstTick - nextTick;
    lastTick = firstTick - 1;
    int wastedEpochs = 0;
    boolean isFailover = false;
    if (opening instanceof LedgerSession.Opening.Owned owned) {
      wastedEpochs = owned.wastedEpochs();
      isFailover = owned.isFailover();
    }
    gate.epochStarted(nowMillis, wastedEpochs);
    // A person's start is public. After a failure the epoch is opened at the beginning of a tick
    // that follows from the last charge; when the job is back must not show.
    long start =
        isFailover && ledger.lastChargedTick() > 0
            ? ledger.lastChargedTick() + DurabilityTerms.RECOVERY_TICKS
            : firstTick;
    dueTick =
        start
            + gate.startTicks()
            - Math.floorDiv(-gate.pauseAfter(wastedEpochs).toMillis(), roundIntervalMillis);
    earliestTick = Math.max(dueTick, firstTick);
    return Optional.of(new EpochStart(epoch, firstTick));
  }

  /** The clock pulsed. Pulses may come at any rate; each tick is settled once. */
  public Step pulse(long nowMillis) {
    if (epoch == NONE || pendingTick != NONE) {
      return WAIT;
    }
    long tick = wallTick(nowMillis) + tickOffset;
    if (tick <= lastTick) {
      return WAIT;
    }
    boolean standsStill = halt != null || !ledgerHeld;
    if (!standsStill && modelFailed) {
      pendingTick = tick;
      return new Step.Halt(tick, HaltReason.MODEL_FAILED);
    }
    if (!standsStill && unrecorded != null) {
      pendingTick = tick;
      return new Step.Conclude(tick, unrecorded);
    }
    if (standsStill || roundInFlight != NONE) {
      return pass(tick);
    }
    return switch (phases.due(ledger, tick)) {
      case NOTHING -> {
        dueTick = Math.max(dueTick, tick + 1);
        yield pass(tick);
      }
      case PHASE -> charge(tick, nowMillis);
      case ROUND -> {
        HaltReason due = haltDue();
        if (due == null) {
          yield charge(tick, nowMillis);
        }
        pendingTick = tick;
        yield new Step.Halt(tick, due);
      }
    };
  }

  private Step charge(long tick, long nowMillis) {
    boolean modelIsKnown = model != null && model.round() >= lastUpdate;
    if (tick < earliestTick
        || !modelIsKnown
        || gate.verdict(nowMillis) != DurabilityGate.Verdict.OPEN) {
      return pass(tick);
    }
    pendingTick = tick;
    // a charge whose outcome was not known may have come through
    dueTick = Math.max(dueTick, ledger.lastChargedTick() + 1);
    return new Step.Charge(tick, Math.min(tick, dueTick));
  }

  private Step pass(long tick) {
    lastTick = tick;
    return new Step.Pass(tick);
  }

  private long wallTick(long nowMillis) {
    return Math.floorDiv(nowMillis - genesisMillis, roundIntervalMillis);
  }

  private HaltReason haltDue() {
    PhaseOpened phase = ledger.phase().orElseThrow();
    long charged = ledger.roundsInPhase();
    if (phase.isSpentAfter(charged) || !accountant.admits(charged)) {
      return phase.mechanism().query().isCalibration()
          ? HaltReason.CALIBRATION_FAILED
          : HaltReason.BUDGET_SPENT;
    }
    return charged >= phases.maxRounds() ? HaltReason.ROUNDS_DONE : null;
  }

  /**
   * The charge asked for is durable.
   *
   * @param after the ledger with the charge
   * @return the tick whose watermark follows the grant
   */
  public long granted(Grant grant, LedgerState after) {
    return granted(grant, after, accountant);
  }

  /**
   * The charge asked for is durable, maybe as the first of a phase that was opened for it.
   *
   * @param after the ledger with the charge
   * @param phaseAccountant of the phase that is open
   * @return the tick whose watermark follows the grant
   */
  public long granted(Grant grant, LedgerState after, PhaseAccountant phaseAccountant) {
    ledger = after;
    accountant = phaseAccountant;
    roundInFlight = grant.round();
    queryInFlight = grant.mechanism().query();
    nextClipNorm = OptionalDouble.empty();
    if (dueTick < grant.tick()) {
      overruns++;
    }
    chargedInEpoch = true;
    dueTick = grant.tick() + (queryInFlight.isCalibration() ? 2 : 1);
    gate.granted(grant.round());
    return settlePending();
  }

  /**
   * The outcome of the calibration is durable, and the phase that follows is open.
   *
   * @param after the ledger with both
   * @param phaseAccountant of the phase that is open
   * @return the tick whose watermark may be sent
   */
  public long concluded(LedgerState after, PhaseAccountant phaseAccountant) {
    ledger = after;
    accountant = phaseAccountant;
    settleOutcome();
    return settlePending();
  }

  private void settleOutcome() {
    unrecorded = null;
    roundInFlight = NONE;
  }

  /**
   * The halt asked for is durable.
   *
   * @param after the ledger with the halt
   * @return the tick whose watermark may be sent
   */
  public long haltRecorded(LedgerState after) {
    if (chargedInEpoch && dueTick < pendingTick) {
      overruns++;
    }
    ledger = after;
    halt = after.halt().orElseThrow();
    return settlePending();
  }

  /**
   * The ledger is out of reach; what was being written, if anything, grants nothing.
   *
   * @return the step that the tick in question is now due
   */
  public Step ledgerLost() {
    ledgerHeld = false;
    return pendingTick == NONE ? WAIT : new Step.Pass(settlePending());
  }

  private void fenced() {
    ledgerHeld = false;
    halt = HaltReason.FENCED;
  }

  private long settlePending() {
    lastTick = pendingTick;
    pendingTick = NONE;
    return lastTick;
  }

  /** A round was executed. Acknowledgements of other epochs or rounds mean nothing. */
  public void acknowledged(RoundExecuted executed) {
    if (executed.epoch() != epoch || executed.round() != roundInFlight) {
      return;
    }
    if (executed.modelFailed()) {
      modelFailed = true;
      return;
    }
    RoundQuery query = queryInFlight;
    if (executed.answer().size() != query.answerSize()) {
      throw new IllegalArgumentException(
          "round %d must come back with %d noised numbers but came with %d"
              .formatted(executed.round(), query.answerSize(), executed.answer().size()));
    }
    gate.acknowledged(executed.round());
    if (query.isCalibration()) {
      unrecorded = executed;
      return;
    }
    nextClipNorm =
        executed.answer().isEmpty()
            ? OptionalDouble.empty()
            : OptionalDouble.of(executed.answer().get(0));
    lastUpdate = executed.round();
    roundInFlight = NONE;
  }

  /** Whether a round was granted in this epoch whose execution is not settled. */
  public boolean isRoundInFlight() {
    return roundInFlight != NONE;
  }

  /**
   * Train announced a model, of this job. One of another epoch means nothing, nor does one that is
   * older than what is known.
   *
   * @return whether it counts, so that the workers have to be told
   */
  public boolean announced(ModelVersion announced) {
    if (announced.epoch() != epoch || (model != null && announced.round() <= model.round())) {
      return false;
    }
    model = announced;
    return true;
  }

  /** What the last round chose as the clip norm of the next, where clipping is adaptive. */
  public OptionalDouble nextClipNorm() {
    return nextClipNorm;
  }

  /** The last tick that was settled; 0 while there is none. */
  public long tick() {
    return lastTick;
  }

  /** The last round charged; 0 while there is none. */
  public long round() {
    return ledger.rounds();
  }

  /** The phase that is open; 0 while there is none. */
  public int phase() {
    return ledger.phase().map(PhaseOpened::phase).orElse(0);
  }

  /**
   * Rounds that may still be charged to the phase that is open; 0 after a halt, and {@link
   * Long#MAX_VALUE} where there is no end since users have lifetimes.
   */
  public long roundsRemaining() {
    if (halt != null || accountant == null) {
      return 0;
    }
    PhaseOpened phase = ledger.phase().orElseThrow();
    if (phase.isLifetime()) {
      return accountant.admits(ledger.roundsInPhase()) ? Long.MAX_VALUE : 0;
    }
    long most =
        Math.min(phases.maxRounds(), Math.min(phase.maxRounds(), accountant.affordableRounds()));
    return Math.max(0, most - ledger.roundsInPhase());
  }

  /** The most rounds that count for one user; 0 where the open phase has no lifetimes. */
  public long horizonRounds() {
    return ledger.horizon().map(Horizon::rounds).orElse(0L);
  }

  /** The generation of lifetimes that is open; 0 where there is none. */
  public int generation() {
    return ledger.generation().map(GenerationOpened::generation).orElse(0);
  }

  /** ε of a lifetime in the open phase; 0 where it has none, or is not this attempt's. */
  public double horizonEpsilon() {
    return accountant == null || ledger.horizon().isEmpty()
        ? 0
        : accountant.epsilonAfter(horizonRounds());
  }

  /** The ε budget of the domain; 0 while the ledger has not been read. */
  public double epsilonBudget() {
    return ledger.epsilonBudget();
  }

  /** Whether rounds may still be charged, now or once the gate opens. */
  public boolean maySpend() {
    return ledgerHeld && halt == null;
  }

  /** Charges and the halt of this attempt that came later than they were due. */
  public long overruns() {
    return overruns;
  }

  /** Whether the ledger is open and this attempt's. */
  public boolean holdsLedger() {
    return ledgerHeld;
  }

  /** Why training stands still; empty while it may go on. */
  public Optional<HaltReason> halt() {
    return Optional.ofNullable(halt);
  }
}
