package io.murmuration.privacy.ledger;

import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.LedgerRecord.BudgetRaised;
import io.murmuration.privacy.ledger.LedgerRecord.Calibrated;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import io.murmuration.privacy.ledger.LedgerRecord.GenerationOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.ledger.LedgerRecord.Halted;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.Option;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState.Budget;
import io.murmuration.privacy.ledger.LedgerState.Holder;
import io.murmuration.privacy.ledger.LedgerState.LastCharge;
import io.murmuration.privacy.ledger.LedgerState.OpenGeneration;
import io.murmuration.privacy.ledger.LedgerState.OpenPhase;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * What a record of each kind makes of the state before it, and which records may follow at all. The
 * head of the chain is {@link LedgerState#apply}'s affair.
 *
 * <p>Every answer throws an IllegalArgumentException for a record that cannot follow, with the
 * reason.
 *
 * <p>Long because the rule of every kind of record is here, and only here.
 *
 * @param before the state that the record follows
 */
record LedgerRules(LedgerState before) implements LedgerRecord.Visitor<LedgerState> {

  @Override
  public LedgerState genesis(Genesis first) {
    return before.with(
        first,
        new Budget(
            first.budget(), /* reserved= */ PrivacyLoss.NONE, /* raisedSincePhase= */ false));
  }

  @Override
  public LedgerState epochOpened(EpochOpened opened) {
    Holder holder = before.holder();
    require(
        opened.epoch() == holder.epoch() + 1,
        "it opens epoch %d after epoch %d",
        opened.epoch(),
        holder.epoch());
    require(
        !before.supersedes(opened.jobId()),
        "job %s opens an epoch although another job had taken over from it",
        opened.jobId());
    Set<String> superseded = holder.superseded();
    if (holder.jobId() != null && !holder.jobId().equals(opened.jobId())) {
      superseded = new TreeSet<>(superseded);
      superseded.add(holder.jobId());
    }
    LedgerState next = before.with(new Holder(opened.epoch(), opened.jobId(), superseded));
    HaltReason halt = before.halt().orElse(null);
    // a broken model is for a person to mend, who then submits another job
    boolean mayGoOn =
        halt == HaltReason.ROUNDS_DONE
            || (halt == HaltReason.MODEL_FAILED && !opened.jobId().equals(holder.jobId()));
    return mayGoOn ? next.withHalt(null) : next;
  }

  @Override
  public LedgerState phaseOpened(PhaseOpened opened) {
    requireCurrentEpoch(opened.epoch());
    int lastPhase = before.lastPhase();
    require(
        opened.phase() == lastPhase + 1,
        "it opens phase %d after phase %d",
        opened.phase(),
        lastPhase);
    requireInGeneration(opened);
    if (opened.slot() != null) {
      OpenReservation joint = takingSlot(opened);
      return before
          .withNext(OpenPhase.of(opened, joint))
          .with(joint.taking(opened.slot()))
          .withHalt(null);
    }
    Budget reserving = reserving(opened.reserved());
    return before
        .withNext(OpenPhase.of(opened, /* joint= */ null))
        .with(reserving)
        .with((OpenReservation) null)
        .withHalt(null);
  }

  @Override
  public LedgerState generationOpened(GenerationOpened opened) {
    requireCurrentEpoch(opened.epoch());
    Integer generations = generations();
    require(
        generations != null, "it opens a generation but users of this domain have no lifetimes");
    int last = before.generation().map(GenerationOpened::generation).orElse(0);
    require(
        opened.generation() == last + 1,
        "it opens generation %d after generation %d",
        opened.generation(),
        last);
    require(
        opened.generation() <= generations,
        "it opens generation %d but the genesis reserved %d",
        opened.generation(),
        generations);
    return before.with(new OpenGeneration(opened, before.reserved()));
  }

  /** The number of generations; null where users have no lifetimes. */
  private Integer generations() {
    return before.genesis().map(Genesis::generations).orElse(null);
  }

  /**
   * Where users have lifetimes, training has one mechanism a generation, and nothing comes behind
   * it: counting rounds is a filter for one pair only.
   */
  private void requireInGeneration(PhaseOpened opened) {
    if (generations() == null) {
      require(
          !opened.isLifetime(),
          "phase %d is of generation %d but users of this domain have no lifetimes",
          opened.phase(),
          opened.generation());
      return;
    }
    GenerationOpened generation = before.generation().orElse(null);
    require(generation != null, "it opens phase %d before any generation", opened.phase());
    require(
        opened.isLifetime() != opened.mechanism().query().isCalibration(),
        opened.isLifetime()
            ? "phase %d measures, and is no lifetime of training"
            : "phase %d trains but is of no generation",
        opened.phase());
    require(
        !opened.isLifetime() || opened.generation() == generation.generation(),
        "phase %d is of generation %d but generation %d is open",
        opened.phase(),
        opened.generation(),
        generation.generation());
    require(
        opened.mechanism().bands() == 1,
        "phase %d has lifetimes and noise correlated over %d rounds: what a lifetime counts is rounds, and users take turns",
        opened.phase(),
        opened.mechanism().bands());
    OpenPhase open = before.open();
    require(
        open == null || !open.opened().isLifetime(),
        "phase %d follows phase %d, which trains in generation %d: the mechanism is changed inside a generation",
        opened.phase(),
        before.lastPhase(),
        generation.generation());
  }

  /** The reservation of which a phase may take the slot that it names. */
  private OpenReservation takingSlot(PhaseOpened opened) {
    OpenReservation joint = before.joint().orElse(null);
    int slot = opened.slot();
    require(
        joint != null,
        "phase %d takes slot %d but no joint reservation is open",
        opened.phase(),
        slot);
    JointlyReserved reserved = joint.reserved();
    require(
        slot <= reserved.slots().size(),
        "phase %d takes slot %d but %d slots were reserved",
        opened.phase(),
        slot,
        reserved.slots().size());
    require(
        joint.timesLeft(slot) > 0,
        "phase %d takes slot %d, which was reserved %d times, once more",
        opened.phase(),
        slot,
        reserved.slot(slot).times());
    Option option = reserved.slot(slot).optionOf(opened.mechanism()).orElse(null);
    require(
        option != null,
        "phase %d takes slot %d with %s, which is none of its options",
        opened.phase(),
        slot,
        opened.mechanism());
    require(
        opened.maxRounds() <= option.rounds(),
        "phase %d may charge %d rounds but its option in slot %d was reserved with %d",
        opened.phase(),
        opened.maxRounds(),
        slot,
        option.rounds());
    long longest =
        reserved.slot(slot).options().stream().mapToLong(Option::rounds).max().orElseThrow();
    require(
        !opened.isLifetime() || longest <= opened.maxRounds(),
        "phase %d has lifetimes of %d rounds but another option in slot %d has %d: what all rounds cost would be stated by which was chosen",
        opened.phase(),
        opened.maxRounds(),
        slot,
        longest);
    require(
        opened.reserved().equals(reserved.reserved()),
        "phase %d says that its share is %s but the joint one is %s",
        opened.phase(),
        opened.reserved(),
        reserved.reserved());
    return joint;
  }

  @Override
  public LedgerState jointlyReserved(JointlyReserved reserved) {
    requireCurrentEpoch(reserved.epoch());
    require(
        before.joint().isEmpty(), "it reserves jointly while another joint reservation is open");
    return before
        .with(reserving(reserved.reserved()))
        .with(new OpenReservation(reserved, /* taken= */ List.of()));
  }

  private Budget reserving(PrivacyLoss share) {
    PrivacyLoss total = before.budget();
    PrivacyLoss reserved = before.reserved().plus(share);
    require(
        reserved.isWithin(total),
        "it brings what is reserved to %s of a budget of %s",
        reserved,
        total);
    if (generations() != null) {
      OpenGeneration generation = before.openGeneration();
      require(generation != null, "it reserves %s before any generation", share);
      PrivacyLoss own = before.genesis().orElseThrow().generationShare();
      require(
          reserved.minus(generation.before()).isWithin(own),
          "it brings what generation %d reserves to %s but its share is %s",
          generation.opened().generation(),
          reserved.minus(generation.before()),
          own);
    }
    return new Budget(total, reserved, /* raisedSincePhase= */ false);
  }

  @Override
  public LedgerState charge(Charge charge) {
    requireCurrentEpoch(charge.epoch());
    OpenPhase open = before.open();
    require(open != null, "it charges a round before any phase was opened");
    PhaseOpened phase = open.opened();
    LastCharge last = before.lastCharge();
    require(
        charge.phase() == phase.phase(),
        "it charges phase %d but phase %d is open",
        charge.phase(),
        phase.phase());
    require(
        charge.round() == last.round() + 1,
        "it charges round %d after round %d",
        charge.round(),
        last.round());
    require(
        charge.tick() > last.tick(),
        "it charges tick %d but tick %d was already charged",
        charge.tick(),
        last.tick());
    require(
        charge.dueTick() == null || charge.dueTick() > last.tick(),
        "it was due at tick %d but tick %d was already charged",
        charge.dueTick(),
        last.tick());
    require(
        !phase.isSpentAfter(open.rounds()),
        "it charges one round more than the %d that phase %d reserved",
        phase.maxRounds(),
        phase.phase());
    require(
        before.halt().isEmpty(),
        "it charges a round after the halt (%s)",
        before.halt().orElse(null));
    require(
        open.outcome() == null,
        "it charges a round to phase %d, whose calibration came to its end",
        phase.phase());
    boolean adaptive = phase.mechanism().adaptiveClipping().isPresent();
    require(
        adaptive == (charge.clipNorm() != null),
        adaptive
            ? "it charges a round of adaptive clipping without its clip norm"
            : "it charges a round with a clip norm of its own although the phase fixes it");
    return before
        .with(new LastCharge(charge.round(), charge.tick(), charge.epoch()))
        .with(open.charged(charge.clipNorm()));
  }

  @Override
  public LedgerState calibrated(Calibrated calibrated) {
    requireCurrentEpoch(calibrated.epoch());
    OpenPhase open = before.open();
    require(
        open != null && open.opened().mechanism().query().isCalibration(),
        "it tells of a calibration but none is open");
    PhaseOpened phase = open.opened();
    LastCharge last = before.lastCharge();
    require(
        calibrated.phase() == phase.phase(),
        "it tells of phase %d but phase %d is open",
        calibrated.phase(),
        phase.phase());
    require(
        open.rounds() > 0
            && calibrated.round() == last.round()
            && calibrated.epoch() == last.epoch(),
        "it tells of round %d, which is not the last round charged in this epoch to this phase",
        calibrated.round());
    require(open.outcome() == null, "it tells of phase %d once more", phase.phase());
    int size = phase.mechanism().query().answerSize();
    require(
        calibrated.answer().size() == size,
        "it has %d noised numbers where its phase measures %d",
        calibrated.answer().size(),
        size);
    return before.with(open.with(calibrated));
  }

  @Override
  public LedgerState halted(Halted halted) {
    requireCurrentEpoch(halted.epoch());
    require(before.open() != null, "it halts before any phase was opened");
    require(before.halt().isEmpty(), "it halts after the halt (%s)", before.halt().orElse(null));
    return before.withHalt(halted.reason());
  }

  @Override
  public LedgerState budgetRaised(BudgetRaised raised) {
    requireCurrentEpoch(raised.epoch());
    require(
        generations() == null,
        "it raises the budget of a domain whose users have lifetimes, which were reserved at genesis");
    PrivacyLoss budget = before.budget();
    require(
        budget.isWithin(raised.budget()),
        "it lowers the budget of %s to %s",
        budget,
        raised.budget());
    require(
        !raised.budget().equals(budget), "it raises the budget to %s, which it already is", budget);
    return before.with(
        new Budget(raised.budget(), before.reserved(), /* raisedSincePhase= */ true));
  }

  private void requireCurrentEpoch(long written) {
    require(
        written == before.epoch() && before.epoch() > 0,
        "it was written in epoch %d but the ledger is in epoch %d",
        written,
        before.epoch());
  }

  static void require(boolean condition, String format, Object... values) {
    if (!condition) {
      throw new IllegalArgumentException(format.formatted(values));
    }
  }
}
