package io.murmuration.calibration;

import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.budget.BudgetTerms;
import io.murmuration.privacy.budget.PhaseSchedule;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.ledger.LedgerState.LedgerPhase;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Calibrate, train, and after so many windows calibrate again, where each phase reserves for
 * itself: for domains whose ledger began like that. New ones reserve jointly ({@link
 * CalibrationSchedule}).
 *
 * <p>Rules:
 *
 * <ul>
 *   <li>A measurement is a phase that reserves a fixed share and a fixed number of attempts. It
 *       begins when its domain is old enough and it ends with its outcome in the ledger.
 *   <li>The phase after the last measurement trains with the mechanism that {@link
 *       CalibrationChoice} derives from the newest outcomes in the ledger and the share that the
 *       phase reserves. A start that derives another one, because its configuration differs, needs
 *       a new phase, as every change of mechanism does.
 *   <li>A recalibration is due by public time alone, as often as was set aside from the start, and
 *       only where its share is still to be had. Until it is due, training that has run its rounds
 *       waits.
 *   <li>Outcomes count by what they measured: a configuration with other candidates or bins
 *       measures anew.
 * </ul>
 *
 * <p>Never does a round run under a bound that its phase is not accounted for: the mechanism of a
 * phase is fixed when it opens, each grant carries it, and the sampler cuts every pool to the
 * grant's bound before it samples from it.
 */
final class SeparateSchedule implements PhaseSchedule {

  private static final long serialVersionUID = 1L;

  private final CalibrationTerms terms;
  private final List<RoundMechanism> measurements;
  private transient CalibrationChoice choice;

  /**
   * Calibrates the noise of the measurements, which takes a second.
   *
   * @throws IllegalArgumentException if the terms leave nothing to choose, or no budget to measure
   */
  SeparateSchedule(CalibrationTerms terms) {
    this.terms = terms;
    this.choice = new CalibrationChoice(terms);
    List<RoundMechanism> all = new ArrayList<>();
    PrivacyLoss share = terms.measurementShare();
    if (terms.counts() != null) {
      all.add(
          new RoundMechanism(
              Sampler.ULS,
              /* samplingProbability= */ 1,
              /* groupSize= */ 1,
              noiseMultiplier(/* samplingProbability= */ 1, share),
              /* clipNorm= */ 1,
              /* expectedUnits= */ 1,
              terms.counts()));
    }
    if (terms.norms() != null) {
      List<Integer> candidates = terms.norms().groupSizes();
      all.add(
          new RoundMechanism(
              Sampler.ULS,
              terms.normSampling(),
              candidates.get(candidates.size() - 1),
              noiseMultiplier(terms.normSampling(), share),
              Math.sqrt(candidates.size()),
              /* expectedUnits= */ 1,
              terms.norms()));
    }
    this.measurements = List.copyOf(all);
  }

  private double noiseMultiplier(double samplingProbability, PrivacyLoss share) {
    return new NoiseCalibration(new PldAccountant())
        .noiseMultiplier(
            Sampler.ULS.accounted(
                samplingProbability, /* groupSize= */ 1, /* noiseMultiplier= */ 1),
            terms.attempts(),
            share.epsilon(),
            share.delta());
  }

  /** What is measured before training, in this order. */
  List<RoundMechanism> measurements() {
    return measurements;
  }

  /** What a round of training does if the newest outcomes were these. */
  RoundMechanism training(Map<RoundQuery, List<Double>> answers) {
    return choice().mechanism(answers, terms.trainingShare());
  }

  private synchronized CalibrationChoice choice() {
    if (choice == null) {
      choice = new CalibrationChoice(terms);
    }
    return choice;
  }

  @Override
  public long maxRounds() {
    return BudgetTerms.UNLIMITED_ROUNDS;
  }

  @Override
  public Due due(LedgerState state, long tick) {
    RoundQuery open = state.phase().orElseThrow().mechanism().query();
    if (open.isCalibration()) {
      if (state.outcome().isPresent()) {
        return Due.PHASE;
      }
      return tick < terms.warmUpWindows() * terms.windowTicks() ? Due.NOTHING : Due.ROUND;
    }
    if (isToRecalibrate(state)) {
      if (terms.windowOf(tick)
          >= terms.windowOf(lastCalibration(state)) + terms.recalibration().everyWindows()) {
        return Due.PHASE;
      }
      return state.roundsInPhase() >= state.phase().orElseThrow().maxRounds()
          ? Due.NOTHING
          : Due.ROUND;
    }
    return Due.ROUND;
  }

  /** The tick of the newest outcome; 0 before the first. */
  static long lastCalibration(LedgerState state) {
    return state.phases().stream()
        .filter(phase -> phase.outcome() != null)
        .mapToLong(LedgerPhase::lastTick)
        .max()
        .orElse(0);
  }

  /** Whether one more calibration was set aside and is still to be had. */
  private boolean isToRecalibrate(LedgerState state) {
    RoundQuery first = measurements.get(0).query();
    long begun =
        state.phases().stream()
            .filter(phase -> phase.opened().mechanism().query().equals(first))
            .count();
    return begun > 0 && begun < terms.cycles() && fits(terms.measurementShare(), state);
  }

  private static boolean fits(PrivacyLoss share, LedgerState state) {
    return state.reserved().plus(share).isWithin(state.budget());
  }

  @Override
  public Phase phaseAt(LedgerState state, long tick) {
    Optional<PhaseOpened> open = state.phase();
    if (open.isEmpty()) {
      return measurement(0, state);
    }
    int measured = indexOf(open.get().mechanism().query());
    if (measured >= 0) {
      if (state.outcome().isEmpty()) {
        return measurement(measured, state);
      }
      return measured + 1 < measurements.size()
          ? measurement(measured + 1, state)
          : training(state);
    }
    if (!open.get().mechanism().query().isCalibration() && due(state, tick) == Due.PHASE) {
      return measurement(0, state);
    }
    return training(state);
  }

  private int indexOf(RoundQuery query) {
    for (int i = 0; i < measurements.size(); i++) {
      if (measurements.get(i).query().equals(query)) {
        return i;
      }
    }
    return -1;
  }

  private Phase measurement(int index, LedgerState state) {
    RoundMechanism measurement = PhaseSchedule.openOr(measurements.get(index), state);
    return new Phase(measurement, terms.measurementShare(), terms.attempts());
  }

  /** The phase that follows from the newest outcomes; a measurement if one is lacking. */
  private Phase training(LedgerState state) {
    Map<RoundQuery, List<Double>> answers = new HashMap<>();
    for (LedgerPhase phase : state.phases()) {
      if (phase.outcome() != null) {
        answers.put(phase.opened().mechanism().query(), phase.outcome().answer());
      }
    }
    for (int i = 0; i < measurements.size(); i++) {
      if (!answers.containsKey(measurements.get(i).query())) {
        return measurement(i, state);
      }
    }
    PhaseOpened open = state.phase().orElseThrow();
    if (!open.mechanism().query().isCalibration()) {
      PhaseOpened origin = origin(state);
      RoundMechanism derived = choice().mechanism(answers, origin.reserved());
      if (derived.differsInCalibrationOnly(open.mechanism())) {
        // opened anew only after a raise: then it goes on with what was added
        return new Phase(open.mechanism(), /* share= */ null, BudgetTerms.UNLIMITED_ROUNDS);
      }
    }
    PrivacyLoss planned = terms.trainingShare();
    PrivacyLoss share = fits(planned, state) ? planned : left(state).orElse(planned);
    return new Phase(choice().mechanism(answers, share), share, terms.trainingRounds());
  }

  /** The phase whose share decided the mechanism of the open one; raises only continue it. */
  private static PhaseOpened origin(LedgerState state) {
    List<LedgerPhase> phases = state.phases();
    PhaseOpened origin = phases.get(phases.size() - 1).opened();
    for (int i = phases.size() - 2;
        i >= 0 && phases.get(i).opened().mechanism().equals(origin.mechanism());
        i--) {
      origin = phases.get(i).opened();
    }
    return origin;
  }

  /** Whatever is not reserved; empty if nothing is. */
  private static Optional<PrivacyLoss> left(LedgerState state) {
    PrivacyLoss left = state.budget().minus(state.reserved()).roundedDown();
    return Optional.of(left).filter(PrivacyLoss::isReservable);
  }

  @Override
  public String toString() {
    return "calibrated schedule of " + terms;
  }
}
