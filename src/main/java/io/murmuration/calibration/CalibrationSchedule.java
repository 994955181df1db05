package io.murmuration.calibration;

import io.murmuration.privacy.budget.BudgetTerms;
import io.murmuration.privacy.budget.PhaseSchedule;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.ledger.LedgerState.LedgerPhase;
import io.murmuration.privacy.ledger.OpenReservation;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Calibrate, train, and after so many windows calibrate again, all of it reserved jointly before
 * any data is looked at.
 *
 * <p>Rules:
 *
 * <ul>
 *   <li>The first record behind genesis and epoch reserves for every phase there may ever be
 *       ({@link JointSlots}). Each phase takes a slot of it.
 *   <li>A measurement begins when its domain is old enough and ends with its outcome in the ledger.
 *       One whose round is charged and came to nothing is void, and repeated in a slot that is
 *       there for that, as long as there is one; then the domain halts.
 *   <li>Training runs with the option that {@link CalibrationChoice} derives from the newest
 *       outcomes in the ledger, at the noise that was reserved for it.
 *   <li>A recalibration is due by public time alone, as often as was reserved. Until it is due,
 *       training that has run its rounds waits.
 *   <li>What a raise added is reserved once the slots for training are run: a phase of its own goes
 *       on with the last mechanism, and ends the joint reservation. A raise that would not afford a
 *       round of whatever that may be is refused when it is asked for.
 *   <li>A start whose terms are not those of the ledger's reservation is refused: nothing of a
 *       reservation is ever given back for other phases.
 *   <li>A domain whose phases reserved for themselves from the start goes on like that.
 * </ul>
 *
 * <p>Never does a round run under a bound that its phase is not accounted for: the mechanism of a
 * phase is fixed when it opens, each grant carries it, and the sampler cuts every pool to the
 * grant's bound before it samples from it.
 */
public final class CalibrationSchedule implements PhaseSchedule {

  private static final long serialVersionUID = 2L;

  private final CalibrationTerms terms;
  private final JointSlots slots;
  private transient CalibrationChoice choice;
  private transient SeparateSchedule separate;
  private transient JointSlots adopted;

  /**
   * Calibrates the noise of everything that may be chosen, which takes seconds.
   *
   * @throws IllegalArgumentException if the terms leave nothing to choose, or no budget to measure
   */
  public CalibrationSchedule(CalibrationTerms terms) {
    this.terms = terms;
    this.choice = new CalibrationChoice(terms);
    this.slots = JointSlots.of(terms);
  }

  /** What is measured before training, in this order. */
  public List<RoundMechanism> measurements() {
    return slots.measurements();
  }

  /** The number of mechanisms among which training is chosen. */
  public int trainingOptions() {
    return slots.training().size();
  }

  /** What a round of training does if the newest outcomes were these. */
  public RoundMechanism training(Map<RoundQuery, List<Double>> answers) {
    return choice().mechanism(answers, slots.training());
  }

  /** Whether a measurement is one of those that these terms reserve jointly for. */
  public boolean isJoint(RoundMechanism measurement) {
    return slots.measurements().stream().anyMatch(measurement::differsInCalibrationOnly);
  }

  /** Whether a measurement is one for which phases that reserve for themselves would reserve. */
  public boolean isSeparate(RoundMechanism measurement) {
    return separate().measurements().stream().anyMatch(measurement::differsInCalibrationOnly);
  }

  /**
   * What follows from the only measurement of a cycle.
   *
   * @param measurement the mechanism that was charged
   * @param answer its noised numbers
   * @return empty where the ledger's reservation is not the one that these terms would make, behind
   *     a raise, so that its noise is not known here; the ledger opens the phase all the same
   */
  public Optional<RoundMechanism> trainingAfter(RoundMechanism measurement, List<Double> answer) {
    Map<RoundQuery, List<Double>> answers = Map.of(measurement.query(), answer);
    if (isJoint(measurement)) {
      return Optional.of(training(answers));
    }
    return isSeparate(measurement) ? Optional.of(separate().training(answers)) : Optional.empty();
  }

  private synchronized CalibrationChoice choice() {
    if (choice == null) {
      choice = new CalibrationChoice(terms);
    }
    return choice;
  }

  private synchronized SeparateSchedule separate() {
    if (separate == null) {
      separate = new SeparateSchedule(terms);
    }
    return separate;
  }

  /** Whether the ledger's phases reserved for themselves from the start. */
  private static boolean isSeparate(LedgerState state) {
    return state.phase().isPresent() && state.joint().isEmpty() && lastReserved(state).isEmpty();
  }

  /** The reservation that a phase took a slot of last. */
  private static Optional<JointlyReserved> lastReserved(LedgerState state) {
    List<LedgerPhase> phases = state.phases();
    for (int i = phases.size() - 1; i >= 0; i--) {
      if (phases.get(i).joint() != null) {
        return Optional.of(phases.get(i).joint().reserved());
      }
    }
    return Optional.empty();
  }

  @Override
  public long maxRounds() {
    return BudgetTerms.UNLIMITED_ROUNDS;
  }

  @Override
  public Due due(LedgerState state, long tick) {
    if (isSeparate(state)) {
      return separate().due(state, tick);
    }
    PhaseOpened open = state.phase().orElseThrow();
    if (open.slot() == null) {
      return Due.ROUND;
    }
    boolean isSpent = open.isSpentAfter(state.roundsInPhase());
    if (open.mechanism().query().isCalibration()) {
      if (state.outcome().isPresent()) {
        return Due.PHASE;
      }
      if (isSpent) {
        return mayRepeat(state) ? Due.PHASE : Due.ROUND;
      }
      return tick < terms.warmUpWindows() * terms.windowTicks() ? Due.NOTHING : Due.ROUND;
    }
    if (isToRecalibrate(state)) {
      if (terms.windowOf(tick)
          >= terms.windowOf(SeparateSchedule.lastCalibration(state))
              + terms.recalibration().everyWindows()) {
        return Due.PHASE;
      }
      return isSpent ? Due.NOTHING : Due.ROUND;
    }
    return isSpent && hasMore(state) ? Due.PHASE : Due.ROUND;
  }

  private boolean mayRepeat(LedgerState state) {
    return slots.hasRetries() && state.joint().orElseThrow().timesLeft(slots.retrySlot()) > 0;
  }

  private boolean isToRecalibrate(LedgerState state) {
    return state.joint().orElseThrow().timesLeft(slots.slotOf(0)) > 0;
  }

  /** Whether a raise added something that no phase has reserved yet. */
  private static boolean hasMore(LedgerState state) {
    return state.raisedSincePhase() && state.budget().minus(state.reserved()).isReservable();
  }

  @Override
  public Phase phaseAt(LedgerState state, long tick) throws LedgerException.Refused {
    if (isSeparate(state)) {
      return separate().phaseAt(state, tick);
    }
    PhaseOpened open = state.phase().orElse(null);
    if (open == null && state.joint().isEmpty()) {
      return measurement(slots, 0);
    }
    JointSlots reserved =
        adopted(
            state
                .joint()
                .map(OpenReservation::reserved)
                .or(() -> lastReserved(state))
                .orElseThrow());
    if (open == null) {
      return measurement(reserved, 0);
    }
    if (open.mechanism().query().isCalibration()) {
      return afterMeasurement(reserved, open, state);
    }
    requireDerived(reserved, open, state);
    if (open.slot() == null) {
      return new Phase(open.mechanism(), /* share= */ null, BudgetTerms.UNLIMITED_ROUNDS);
    }
    if (due(state, tick) != Due.PHASE) {
      return stay(reserved, open);
    }
    return isToRecalibrate(state)
        ? measurement(reserved, 0)
        : new Phase(open.mechanism(), /* share= */ null, BudgetTerms.UNLIMITED_ROUNDS);
  }

  /** The mechanism that trains if no other will be chosen, else all that may be. */
  @Override
  public List<RoundMechanism> behindTheSlots(LedgerState state) throws LedgerException.Refused {
    if (isSeparate(state) || state.joint().isEmpty()) {
      return List.of();
    }
    RoundMechanism open = state.phase().orElseThrow().mechanism();
    if (!open.query().isCalibration() && !isToRecalibrate(state)) {
      return List.of(open);
    }
    return adopted(state.joint().get().reserved()).training().stream()
        .map(
            option ->
                new RoundMechanism(
                    option.sampler(),
                    option.samplingProbability(),
                    option.groupSize(),
                    option.noiseMultiplier(),
                    terms.clipNorm(),
                    terms.compute()))
        .toList();
  }

  private Phase afterMeasurement(JointSlots reserved, PhaseOpened open, LedgerState state)
      throws LedgerException.Refused {
    int index = indexOf(reserved, open);
    if (state.outcome().isPresent()) {
      return index + 1 < reserved.measurements().size()
          ? measurement(reserved, index + 1)
          : next(
              reserved, reserved.trainingSlot(), derived(reserved, state), terms.trainingRounds());
    }
    return state.roundsInPhase() >= open.maxRounds() && mayRepeat(state)
        ? next(reserved, reserved.retrySlot(), reserved.measurements().get(index), /* rounds= */ 1)
        : stay(reserved, open);
  }

  private int indexOf(JointSlots reserved, PhaseOpened open) throws LedgerException.Refused {
    for (int i = 0; i < reserved.measurements().size(); i++) {
      if (reserved.measurements().get(i).equals(open.mechanism())) {
        return i;
      }
    }
    throw refused(
        "phase %d measures with %s, and the configuration would measure with %s"
            .formatted(open.phase(), open.mechanism(), reserved.measurements()));
  }

  private static Phase measurement(JointSlots reserved, int index) {
    return next(
        reserved, reserved.slotOf(index), reserved.measurements().get(index), /* rounds= */ 1);
  }

  private static Phase next(JointSlots reserved, int slot, RoundMechanism mechanism, long rounds) {
    return new Phase(
        mechanism,
        /* share= */ null,
        rounds,
        new Place(reserved.slots(), reserved.budget(), slot, /* isNext= */ true));
  }

  private static Phase stay(JointSlots reserved, PhaseOpened open) {
    return new Phase(
        open.mechanism(),
        /* share= */ null,
        open.maxRounds(),
        new Place(reserved.slots(), reserved.budget(), open.slot(), /* isNext= */ false));
  }

  private RoundMechanism derived(JointSlots reserved, LedgerState state)
      throws LedgerException.Refused {
    Map<RoundQuery, List<Double>> answers = new HashMap<>();
    for (LedgerPhase phase : state.phases()) {
      if (phase.outcome() != null) {
        answers.put(phase.opened().mechanism().query(), phase.outcome().answer());
      }
    }
    for (RoundMechanism measurement : reserved.measurements()) {
      if (!answers.containsKey(measurement.query())) {
        throw refused(
            "it holds no outcome of %s, which the configuration would choose by"
                .formatted(measurement.query()));
      }
    }
    return choice().mechanism(answers, reserved.training());
  }

  private void requireDerived(JointSlots reserved, PhaseOpened open, LedgerState state)
      throws LedgerException.Refused {
    RoundMechanism derived = derived(reserved, state);
    if (!derived.differsInCalibrationOnly(open.mechanism())) {
      throw refused(
          "phase %d trains with %s, and the configuration would choose %s"
              .formatted(open.phase(), open.mechanism(), derived));
    }
  }

  /** These terms' slots with the noise of the ledger's reservation. */
  private synchronized JointSlots adopted(JointlyReserved reserved) throws LedgerException.Refused {
    if (adopted == null || !adopted.slots().equals(reserved.slots())) {
      JointSlots own =
          slots.budget().equals(reserved.reserved())
              ? slots
              : JointSlots.of(terms.withBudget(reserved.reserved()));
      if (!own.isThatOf(reserved)) {
        throw refused("it reserved jointly for other phases than the configuration plans");
      }
      adopted = own.adopting(reserved);
    }
    return adopted;
  }

  private static LedgerException.Refused refused(String what) {
    return new LedgerException.Refused(
        "The ledger does not fit the configuration: "
            + what
            + ". What is reserved jointly is never given back. Go back to the configuration that"
            + " reserved it; or run without calibration on what --raise-budget adds; or start"
            + " another domain");
  }

  @Override
  public String toString() {
    return "calibrated schedule of " + terms;
  }
}
