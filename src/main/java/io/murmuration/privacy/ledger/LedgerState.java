package io.murmuration.privacy.ledger;

import io.murmuration.privacy.ledger.LedgerRecord.BudgetRaised;
import io.murmuration.privacy.ledger.LedgerRecord.Calibrated;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.ledger.LedgerRecord.Halted;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What the entries of a ledger add up to; a pure fold that accepts only what a correct holder could
 * have written. Immutable.
 */
public final class LedgerState {

  private static final LedgerState EMPTY = new LedgerState();

  private Genesis genesis;
  private long nextSequence;
  private String headHash = LedgerEntry.NO_HASH;
  private double epsilonBudget;
  private double delta;
  private long epoch;
  private String jobId;
  private Set<String> supersededJobs = Set.of();
  private PhaseOpened phase;
  private long roundsInPhase;
  private Calibrated outcome;
  private Double clipNorm;
  private long lastChargedEpoch;
  private List<LedgerPhase> earlierPhases = List.of();
  private long rounds;
  private long lastChargedTick;
  private BigDecimal reservedEpsilon = BigDecimal.ZERO;
  private BigDecimal reservedDelta = BigDecimal.ZERO;
  private boolean raisedSincePhase;
  private HaltReason halt;

  /**
   * A phase in the order of the ledger.
   *
   * @param opened how it was opened
   * @param lastTick the tick of its last charge; 0 if it has none
   * @param outcome what it measured; null unless it is a calibration that came to its end
   */
  public record LedgerPhase(PhaseOpened opened, long lastTick, Calibrated outcome) {}

  private LedgerState() {}

  private LedgerState(LedgerState other) {
    genesis = other.genesis;
    nextSequence = other.nextSequence;
    headHash = other.headHash;
    epsilonBudget = other.epsilonBudget;
    delta = other.delta;
    epoch = other.epoch;
    jobId = other.jobId;
    supersededJobs = other.supersededJobs;
    phase = other.phase;
    roundsInPhase = other.roundsInPhase;
    outcome = other.outcome;
    clipNorm = other.clipNorm;
    lastChargedEpoch = other.lastChargedEpoch;
    earlierPhases = other.earlierPhases;
    rounds = other.rounds;
    lastChargedTick = other.lastChargedTick;
    reservedEpsilon = other.reservedEpsilon;
    reservedDelta = other.reservedDelta;
    raisedSincePhase = other.raisedSincePhase;
    halt = other.halt;
  }

  /** The state of a ledger without entries. */
  public static LedgerState empty() {
    return EMPTY;
  }

  /**
   * Folds all entries of a ledger.
   *
   * @param location where they come from, for messages
   * @throws LedgerException.Refused if the chain is broken or an entry could not have followed
   */
  public static LedgerState of(List<LedgerEntry> entries, String location)
      throws LedgerException.Refused {
    LedgerState state = EMPTY;
    for (LedgerEntry entry : entries) {
      try {
        state = state.apply(entry);
      } catch (IllegalArgumentException e) {
        throw new LedgerException.Refused(
            "%s is damaged at record %d: %s. Nothing may be charged to it; restore it from a copy that is whole"
                .formatted(location, state.nextSequence, e.getMessage()),
            e);
      }
    }
    return state;
  }

  /**
   * The state after one more entry.
   *
   * @throws IllegalArgumentException if the entry cannot follow, with the reason
   */
  public LedgerState apply(LedgerEntry entry) {
    require(
        entry.sequence() == nextSequence,
        "it carries sequence number %d where %d was due",
        entry.sequence(),
        nextSequence);
    require(
        entry.previousHash().equals(headHash),
        "it follows the record with hash %s but the record before has %s",
        entry.previousHash(),
        headHash);
    LedgerState next = new LedgerState(this);
    next.nextSequence++;
    next.headHash = entry.hash();
    next.add(entry.record());
    return next;
  }

  private void add(LedgerRecord record) {
    require(
        (record instanceof Genesis) == (genesis == null),
        "the first record, and no other, must be the genesis but it is %s",
        record);
    if (record instanceof Genesis first) {
      addGenesis(first);
    } else if (record instanceof EpochOpened opened) {
      addEpoch(opened);
    } else if (record instanceof PhaseOpened opened) {
      addPhase(opened);
    } else if (record instanceof Charge charge) {
      addCharge(charge);
    } else if (record instanceof Calibrated calibrated) {
      addCalibrated(calibrated);
    } else if (record instanceof Halted halted) {
      addHalt(halted);
    } else if (record instanceof BudgetRaised raised) {
      addRaise(raised);
    }
  }

  private void addGenesis(Genesis first) {
    genesis = first;
    epsilonBudget = first.epsilonBudget();
    delta = first.delta();
  }

  private void addEpoch(EpochOpened opened) {
    require(opened.epoch() == epoch + 1, "it opens epoch %d after epoch %d", opened.epoch(), epoch);
    require(
        !supersedes(opened.jobId()),
        "job %s opens an epoch although another job had taken over from it",
        opened.jobId());
    if (jobId != null && !jobId.equals(opened.jobId())) {
      Set<String> superseded = new TreeSet<>(supersededJobs);
      superseded.add(jobId);
      supersededJobs = superseded;
    }
    epoch = opened.epoch();
    jobId = opened.jobId();
    if (halt == HaltReason.ROUNDS_DONE) {
      halt = null;
    }
  }

  private void addPhase(PhaseOpened opened) {
    requireCurrentEpoch(opened.epoch());
    int last = phase == null ? 0 : phase.phase();
    require(opened.phase() == last + 1, "it opens phase %d after phase %d", opened.phase(), last);
    reservedEpsilon = reservedEpsilon.add(BigDecimal.valueOf(opened.epsilon()));
    reservedDelta = reservedDelta.add(BigDecimal.valueOf(opened.delta()));
    require(
        reservedEpsilon.compareTo(BigDecimal.valueOf(epsilonBudget)) <= 0,
        "it brings the reserved epsilon to %s but the budget is %s",
        reservedEpsilon,
        epsilonBudget);
    require(
        reservedDelta.compareTo(BigDecimal.valueOf(delta)) <= 0,
        "it brings the reserved delta to %s but the budget is %s",
        reservedDelta,
        delta);
    earlierPhases = phases();
    phase = opened;
    roundsInPhase = 0;
    outcome = null;
    clipNorm = null;
    raisedSincePhase = false;
    halt = null;
  }

  private void addCharge(Charge charge) {
    requireCurrentEpoch(charge.epoch());
    require(phase != null, "it charges a round before any phase was opened");
    require(
        charge.phase() == phase.phase(),
        "it charges phase %d but phase %d is open",
        charge.phase(),
        phase.phase());
    require(
        charge.round() == rounds + 1, "it charges round %d after round %d", charge.round(), rounds);
    require(
        charge.tick() > lastChargedTick,
        "it charges tick %d but tick %d was already charged",
        charge.tick(),
        lastChargedTick);
    require(
        roundsInPhase < phase.maxRounds(),
        "it charges one round more than the %d that phase %d reserved",
        phase.maxRounds(),
        phase.phase());
    require(halt == null, "it charges a round after the halt (%s)", halt);
    require(
        outcome == null,
        "it charges a round to phase %d, whose calibration came to its end",
        phase.phase());
    boolean adaptive = phase.mechanism().adaptiveClipping() != null;
    require(
        adaptive == (charge.clipNorm() != null),
        adaptive
            ? "it charges a round of adaptive clipping without its clip norm"
            : "it charges a round with a clip norm of its own although the phase fixes it");
    rounds = charge.round();
    roundsInPhase++;
    lastChargedTick = charge.tick();
    lastChargedEpoch = charge.epoch();
    clipNorm = charge.clipNorm();
  }

  private void addCalibrated(Calibrated calibrated) {
    requireCurrentEpoch(calibrated.epoch());
    require(
        phase != null && phase.mechanism().query().isCalibration(),
        "it tells of a calibration but none is open");
    require(
        calibrated.phase() == phase.phase(),
        "it tells of phase %d but phase %d is open",
        calibrated.phase(),
        phase.phase());
    require(
        roundsInPhase > 0 && calibrated.round() == rounds && calibrated.epoch() == lastChargedEpoch,
        "it tells of round %d, which is not the last round charged in this epoch to this phase",
        calibrated.round());
    require(outcome == null, "it tells of phase %d once more", phase.phase());
    int size = phase.mechanism().query().answerSize();
    require(
        calibrated.answer().size() == size,
        "it has %d noised numbers where its phase measures %d",
        calibrated.answer().size(),
        size);
    outcome = calibrated;
  }

  private void addHalt(Halted halted) {
    requireCurrentEpoch(halted.epoch());
    require(phase != null, "it halts before any phase was opened");
    require(halt == null, "it halts after the halt (%s)", halt);
    halt = halted.reason();
  }

  private void addRaise(BudgetRaised raised) {
    requireCurrentEpoch(raised.epoch());
    require(
        raised.epsilonBudget() >= epsilonBudget && raised.delta() >= delta,
        "it lowers the budget from (%s, %s) to (%s, %s)",
        epsilonBudget,
        delta,
        raised.epsilonBudget(),
        raised.delta());
    require(
        raised.epsilonBudget() > epsilonBudget || raised.delta() > delta,
        "it raises the budget to (%s, %s), which it already is",
        epsilonBudget,
        delta);
    epsilonBudget = raised.epsilonBudget();
    delta = raised.delta();
    raisedSincePhase = true;
  }

  private void requireCurrentEpoch(long written) {
    require(
        written == epoch && epoch > 0,
        "it was written in epoch %d but the ledger is in epoch %d",
        written,
        epoch);
  }

  private static void require(boolean condition, String format, Object... values) {
    if (!condition) {
      throw new IllegalArgumentException(format.formatted(values));
    }
  }

  /** Whether another job took the domain over from this one. */
  public boolean supersedes(String job) {
    return supersededJobs.contains(job);
  }

  /** The first record; empty while there is none. */
  public Optional<Genesis> genesis() {
    return Optional.ofNullable(genesis);
  }

  /** The sequence number that the next entry must carry: the number of entries so far. */
  public long nextSequence() {
    return nextSequence;
  }

  /** Hash of the last entry, {@link LedgerEntry#NO_HASH} while there is none. */
  public String headHash() {
    return headHash;
  }

  /** The ε budget of the domain, with every raise; 0 before the genesis. */
  public double epsilonBudget() {
    return epsilonBudget;
  }

  /** The δ budget of the domain, with every raise; 0 before the genesis. */
  public double delta() {
    return delta;
  }

  /** The last epoch opened; 0 while there is none. */
  public long epoch() {
    return epoch;
  }

  /** The job that opened the last epoch; empty while there is none. */
  public Optional<String> jobId() {
    return Optional.ofNullable(jobId);
  }

  /** The phase that is open; empty while there is none. */
  public Optional<PhaseOpened> phase() {
    return Optional.ofNullable(phase);
  }

  /** Rounds charged to the phase that is open. */
  public long roundsInPhase() {
    return roundsInPhase;
  }

  /** What the open phase measured; empty unless it is a calibration that came to its end. */
  public Optional<Calibrated> outcome() {
    return Optional.ofNullable(outcome);
  }

  /** All phases in their order, the open one last. */
  public List<LedgerPhase> phases() {
    if (phase == null) {
      return earlierPhases;
    }
    List<LedgerPhase> all = new ArrayList<>(earlierPhases);
    all.add(new LedgerPhase(phase, roundsInPhase == 0 ? 0 : lastChargedTick, outcome));
    return List.copyOf(all);
  }

  /** Whether this round's calibration has come to its end. */
  public boolean hasOutcomeOf(long round) {
    return phases().stream()
        .anyMatch(past -> past.outcome() != null && past.outcome().round() == round);
  }

  /**
   * The clip norm of the next round if nothing newer is known: the last one charged to the open
   * phase where clipping is adaptive, else the phase's own; 0 while no phase is open.
   */
  public double clipNorm() {
    if (clipNorm != null) {
      return clipNorm;
    }
    return phase == null ? 0 : phase.mechanism().clipNorm();
  }

  /** Rounds charged since the genesis: also the number of the last. */
  public long rounds() {
    return rounds;
  }

  /** The tick of the last charge; 0 while there is none. */
  public long lastChargedTick() {
    return lastChargedTick;
  }

  /** The sum of ε_i over all phases opened, exact in decimals. */
  public BigDecimal reservedEpsilon() {
    return reservedEpsilon;
  }

  /**
   * ε by basic composition: what earlier phases reserved, which is gone whether used or not, plus
   * what the open phase has used; at most what both reserve.
   *
   * @param earlier sum of what earlier phases reserved, exact in decimals
   * @param reserved what the open phase reserved
   * @param used what its rounds cost
   */
  public static double epsilonSpent(BigDecimal earlier, double reserved, double used) {
    if (earlier.signum() == 0) {
      return used;
    }
    // Rounded up, since ε is an upper bound.
    double sum = earlier.add(BigDecimal.valueOf(used)).doubleValue();
    return Math.min(earlier.add(BigDecimal.valueOf(reserved)).doubleValue(), Math.nextUp(sum));
  }

  /** The sum of δ_i over all phases opened, exact in decimals. */
  public BigDecimal reservedDelta() {
    return reservedDelta;
  }

  /** Whether the budget was raised and no phase has reserved from it yet. */
  public boolean raisedSincePhase() {
    return raisedSincePhase;
  }

  /** Why training stands still; empty while it may go on. */
  public Optional<HaltReason> halt() {
    return Optional.ofNullable(halt);
  }
}
