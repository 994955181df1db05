package io.murmuration.privacy.budget;

import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.Checks;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.io.Serializable;
import java.util.List;

/**
 * Which phases a domain goes through: a function of its ledger, of public time and of public
 * configuration, and of nothing else. Whatever a job's state remembers, after a restart the answer
 * is the same.
 */
public interface PhaseSchedule extends Serializable {

  /**
   * A phase that should be open.
   *
   * @param mechanism what each of its rounds does
   * @param share what it reserves when it opens; null for all that is left, or for its place
   * @param maxRounds the most rounds it may charge, whatever it could afford
   * @param place where it is in a joint reservation; null if it reserves for itself
   */
  record Phase(RoundMechanism mechanism, PrivacyLoss share, long maxRounds, Place place) {

    /** A phase that reserves for itself. */
    public Phase(RoundMechanism mechanism, PrivacyLoss share, long maxRounds) {
      this(mechanism, share, maxRounds, /* place= */ null);
    }

    public Phase {
      if (mechanism == null) {
        throw new IllegalArgumentException("mechanism is required");
      }
      Checks.atLeast("largest number of rounds", maxRounds, 1);
    }
  }

  /**
   * A phase's place in a joint reservation.
   *
   * @param slots what is to be reserved where the ledger has no joint reservation open
   * @param reserved (ε, δ) of all slots together
   * @param slot its slot, from 1
   * @param isNext whether it is to be opened; otherwise it is the phase that is open
   */
  record Place(List<LedgerRecord.Slot> slots, PrivacyLoss reserved, int slot, boolean isNext) {
    public Place {
      slots = List.copyOf(slots);
    }
  }

  /** What is due at a tick. */
  enum Due {
    /** The next round of the phase that is open, as long as it affords one. */
    ROUND,
    /** The first round of another phase, which {@link #phaseAt} names. */
    PHASE,
    /** Time passes. */
    NOTHING
  }

  /**
   * What is due. Fast, for it is asked at every tick on the operator's thread.
   *
   * @param state with a phase that is open
   */
  Due due(LedgerState state, long tick);

  /**
   * The phase that should be open: the one that is, unless another is due. May take seconds, for it
   * may calibrate noise; asked on the ledger's thread.
   *
   * @throws LedgerException.Refused if the ledger leaves no way to go on
   */
  Phase phaseAt(LedgerState state, long tick) throws LedgerException.Refused;

  /**
   * What may go on, in a phase of its own, with what a raise adds to a joint reservation, once the
   * slots of that are run: one of these. Empty where phases reserve for themselves.
   *
   * @param state with a phase that is open
   * @throws LedgerException.Refused if the ledger leaves no way to go on
   */
  default List<RoundMechanism> behindTheSlots(LedgerState state) throws LedgerException.Refused {
    return List.of();
  }

  /** Rounds of the open phase after which training halts although it affords more. */
  long maxRounds();

  /** One mechanism for the whole life of the domain. */
  static PhaseSchedule of(RoundMechanism mechanism, PrivacyLoss share, long maxRounds) {
    return new Fixed(mechanism, share, maxRounds, /* noiseIsCalibrated= */ false);
  }

  /** The same, where the mechanism's noise is not given but calibrated from public numbers. */
  static PhaseSchedule calibrated(RoundMechanism mechanism, PrivacyLoss share, long maxRounds) {
    return new Fixed(mechanism, share, maxRounds, /* noiseIsCalibrated= */ true);
  }

  /**
   * The mechanism of the phase that is open where a calibrated one differs from it by its
   * calibration only, else the calibrated one.
   */
  static RoundMechanism openOr(RoundMechanism calibrated, LedgerState state) {
    return state
        .phase()
        .map(LedgerRecord.PhaseOpened::mechanism)
        .filter(calibrated::differsInCalibrationOnly)
        .orElse(calibrated);
  }

  /**
   * A mechanism whose noise is given, with the coefficients of the phase that is open where it
   * differs from that by them only.
   */
  private static RoundMechanism withOpenCoefficients(RoundMechanism given, LedgerState state) {
    return state
        .phase()
        .map(LedgerRecord.PhaseOpened::mechanism)
        .filter(given::differsInCoefficientsOnly)
        .orElse(given);
  }

  /**
   * One mechanism.
   *
   * @param mechanism what every round does
   * @param share what its phase reserves; null for all that is left
   * @param maxRounds rounds after which training halts; a later start may be given more
   * @param noiseIsCalibrated whether the noise was not given but calibrated
   */
  record Fixed(
      RoundMechanism mechanism, PrivacyLoss share, long maxRounds, boolean noiseIsCalibrated)
      implements PhaseSchedule {

    @Override
    public Due due(LedgerState state, long tick) {
      return Due.ROUND;
    }

    @Override
    public Phase phaseAt(LedgerState state, long tick) {
      // reserved for as long as the budget lasts, so that a later start may be given more rounds
      return new Phase(
          noiseIsCalibrated ? openOr(mechanism, state) : withOpenCoefficients(mechanism, state),
          share,
          BudgetTerms.UNLIMITED_ROUNDS);
    }
  }
}
