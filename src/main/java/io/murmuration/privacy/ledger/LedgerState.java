package io.murmuration.privacy.ledger;

import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.LedgerRecord.Calibrated;
import io.murmuration.privacy.ledger.LedgerRecord.GenerationOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.mechanism.Horizon;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What the entries of a ledger add up to; a pure fold that accepts only what a correct holder could
 * have written. Immutable.
 *
 * <p>Long because it answers whatever is asked of a ledger; what a record may do to it is in {@link
 * LedgerRules}.
 */
public final class LedgerState {

  private static final LedgerState EMPTY =
      new LedgerState(
          new Head(0, LedgerEntry.NO_HASH),
          /* genesis= */ null,
          Budget.NONE,
          /* generation= */ null,
          /* joint= */ null,
          Holder.NOBODY,
          LastCharge.NONE,
          /* open= */ null,
          /* earlierPhases= */ List.of(),
          /* halt= */ null);

  private final Head head;
  private final Genesis genesis;
  private final Budget budget;
  private final OpenGeneration generation;
  private final OpenReservation joint;
  private final Holder holder;
  private final LastCharge last;
  private final OpenPhase open;
  private final List<LedgerPhase> earlierPhases;
  private final HaltReason halt;

  /**
   * A phase in the order of the ledger.
   *
   * @param opened how it was opened
   * @param lastTick the tick of its last charge; 0 if it has none
   * @param outcome what it measured; null unless it is a calibration that came to its end
   * @param joint the reservation as it was before the phase took its slot; null if the phase
   *     reserved for itself
   */
  public record LedgerPhase(
      PhaseOpened opened, long lastTick, Calibrated outcome, OpenReservation joint) {}

  /** Says where the next entry goes and what it must name. */
  private record Head(long nextSequence, String hash) {}

  /**
   * The budget and what became of it.
   *
   * @param total with every raise
   * @param reserved the sum over all phases opened
   * @param raisedSincePhase whether no phase has reserved from the last raise yet
   */
  record Budget(PrivacyLoss total, PrivacyLoss reserved, boolean raisedSincePhase) {

    private static final Budget NONE = new Budget(PrivacyLoss.NONE, PrivacyLoss.NONE, false);
  }

  /**
   * The last epoch and whose it is.
   *
   * @param epoch 0 while there is none
   * @param jobId null while there is none
   * @param superseded the jobs that another has taken over from
   */
  record Holder(long epoch, String jobId, Set<String> superseded) {

    private static final Holder NOBODY = new Holder(0, null, Set.of());
  }

  /**
   * The generation that is open.
   *
   * @param opened how it was opened
   * @param before what was reserved before it
   */
  record OpenGeneration(GenerationOpened opened, PrivacyLoss before) {}

  /** The last charge of all phases; zeros while there is none. */
  record LastCharge(long round, long tick, long epoch) {

    private static final LastCharge NONE = new LastCharge(0, 0, 0);
  }

  /**
   * The phase that is open.
   *
   * @param rounds charged to it
   * @param outcome what it measured; null unless it is a calibration that came to its end
   * @param clipNorm the last that was charged where clipping is adaptive; else null
   * @param joint as in {@link LedgerPhase}
   */
  record OpenPhase(
      PhaseOpened opened, long rounds, Calibrated outcome, Double clipNorm, OpenReservation joint) {

    static OpenPhase of(PhaseOpened opened, OpenReservation joint) {
      return new OpenPhase(
          opened, /* rounds= */ 0, /* outcome= */ null, /* clipNorm= */ null, joint);
    }

    OpenPhase charged(Double ownClipNorm) {
      return new OpenPhase(opened, rounds + 1, outcome, ownClipNorm, joint);
    }

    OpenPhase with(Calibrated measured) {
      return new OpenPhase(opened, rounds, measured, clipNorm, joint);
    }
  }

  private LedgerState(
      Head head,
      Genesis genesis,
      Budget budget,
      OpenGeneration generation,
      OpenReservation joint,
      Holder holder,
      LastCharge last,
      OpenPhase open,
      List<LedgerPhase> earlierPhases,
      HaltReason halt) {
    this.head = head;
    this.genesis = genesis;
    this.budget = budget;
    this.generation = generation;
    this.joint = joint;
    this.holder = holder;
    this.last = last;
    this.open = open;
    this.earlierPhases = earlierPhases;
    this.halt = halt;
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
                .formatted(location, state.nextSequence(), e.getMessage()),
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
    LedgerRules.require(
        entry.sequence() == head.nextSequence(),
        "it carries sequence number %d where %d was due",
        entry.sequence(),
        head.nextSequence());
    LedgerRules.require(
        entry.previousHash().equals(head.hash()),
        "it follows the record with hash %s but the record before has %s",
        entry.previousHash(),
        head.hash());
    LedgerRules.require(
        (entry.record() instanceof Genesis) == (genesis == null),
        "the first record, and no other, must be the genesis but it is %s",
        entry.record());
    return entry
        .record()
        .visit(new LedgerRules(this))
        .with(new Head(entry.sequence() + 1, entry.hash()));
  }

  // ---- the state with one part replaced, for the rules ----

  private LedgerState with(Head moved) {
    return new LedgerState(
        moved, genesis, budget, generation, joint, holder, last, open, earlierPhases, halt);
  }

  LedgerState with(Genesis first, Budget stated) {
    return new LedgerState(
        head, first, stated, generation, joint, holder, last, open, earlierPhases, halt);
  }

  /** Another generation: what was open before it is closed for good. */
  LedgerState with(OpenGeneration next) {
    return new LedgerState(
        head,
        genesis,
        budget,
        next,
        /* joint= */ null,
        holder,
        last,
        /* open= */ null,
        phases(),
        /* halt= */ null);
  }

  LedgerState with(Budget changed) {
    return new LedgerState(
        head, genesis, changed, generation, joint, holder, last, open, earlierPhases, halt);
  }

  LedgerState with(Holder next) {
    return new LedgerState(
        head, genesis, budget, generation, joint, next, last, open, earlierPhases, halt);
  }

  LedgerState with(LastCharge charge) {
    return new LedgerState(
        head, genesis, budget, generation, joint, holder, charge, open, earlierPhases, halt);
  }

  LedgerState with(OpenPhase changed) {
    return new LedgerState(
        head, genesis, budget, generation, joint, holder, last, changed, earlierPhases, halt);
  }

  /** The state with another reservation; null where the reservation, if there is one, has ended. */
  LedgerState with(OpenReservation reservation) {
    return new LedgerState(
        head, genesis, budget, generation, reservation, holder, last, open, earlierPhases, halt);
  }

  /** The open phase joins the earlier ones. */
  LedgerState withNext(OpenPhase next) {
    return new LedgerState(
        head, genesis, budget, generation, joint, holder, last, next, phases(), halt);
  }

  LedgerState withHalt(HaltReason reason) {
    return new LedgerState(
        head, genesis, budget, generation, joint, holder, last, open, earlierPhases, reason);
  }

  /**
   * What the state would be behind a raise, to plan with.
   *
   * @param total the whole budget behind it
   */
  public LedgerState raisedTo(PrivacyLoss total) {
    return with(new Budget(total, reserved(), /* raisedSincePhase= */ true));
  }

  /** What the state would be in another generation, to plan with. */
  public LedgerState in(GenerationOpened next) {
    return with(new OpenGeneration(next, reserved()));
  }

  // ---- the parts ----

  Budget accounts() {
    return budget;
  }

  Holder holder() {
    return holder;
  }

  LastCharge lastCharge() {
    return last;
  }

  /** The generation that is open; null where there is none. */
  OpenGeneration openGeneration() {
    return generation;
  }

  /** The last phase that was opened; 0 for none. */
  public int lastPhase() {
    List<LedgerPhase> all = phases();
    return all.isEmpty() ? 0 : all.get(all.size() - 1).opened().phase();
  }

  /** The phase that is open; null while none is. */
  OpenPhase open() {
    return open;
  }

  /** Whether another job took the domain over from this one. */
  public boolean supersedes(String job) {
    return holder.superseded().contains(job);
  }

  /** The first record; empty while there is none. */
  public Optional<Genesis> genesis() {
    return Optional.ofNullable(genesis);
  }

  /** The sequence number that the next entry must carry: the number of entries so far. */
  public long nextSequence() {
    return head.nextSequence();
  }

  /** Hash of the last entry, {@link LedgerEntry#NO_HASH} while there is none. */
  public String headHash() {
    return head.hash();
  }

  /** The budget of the domain, with every raise; nothing before the genesis. */
  public PrivacyLoss budget() {
    return budget.total();
  }

  /** The ε budget of the domain, with every raise; 0 before the genesis. */
  public double epsilonBudget() {
    return budget.total().epsilon();
  }

  /** The δ budget of the domain, with every raise; 0 before the genesis. */
  public double delta() {
    return budget.total().delta();
  }

  /** The last epoch opened; 0 while there is none. */
  public long epoch() {
    return holder.epoch();
  }

  /** The job that opened the last epoch; empty while there is none. */
  public Optional<String> jobId() {
    return Optional.ofNullable(holder.jobId());
  }

  /** The phase that is open; empty while there is none. */
  public Optional<PhaseOpened> phase() {
    return Optional.ofNullable(open).map(OpenPhase::opened);
  }

  /** Rounds charged to the phase that is open. */
  public long roundsInPhase() {
    return open == null ? 0 : open.rounds();
  }

  /** What the open phase measured; empty unless it is a calibration that came to its end. */
  public Optional<Calibrated> outcome() {
    return Optional.ofNullable(open).map(OpenPhase::outcome);
  }

  /** All phases in their order, the open one last. */
  public List<LedgerPhase> phases() {
    if (open == null) {
      return earlierPhases;
    }
    List<LedgerPhase> all = new ArrayList<>(earlierPhases);
    all.add(
        new LedgerPhase(
            open.opened(), open.rounds() == 0 ? 0 : last.tick(), open.outcome(), open.joint()));
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
    if (open == null) {
      return 0;
    }
    return open.clipNorm() != null ? open.clipNorm() : open.opened().mechanism().clipNorm();
  }

  /** Rounds charged since the genesis: also the number of the last. */
  public long rounds() {
    return last.round();
  }

  /** The epoch that charged the last round; 0 while there is none. */
  public long lastChargingEpoch() {
    return last.epoch();
  }

  /** The tick of the last charge; 0 while there is none. */
  public long lastChargedTick() {
    return last.tick();
  }

  /**
   * The generation of lifetimes that is open; empty before the first, and where users have no
   * lifetimes.
   */
  public Optional<GenerationOpened> generation() {
    return Optional.ofNullable(generation).map(OpenGeneration::opened);
  }

  /**
   * Whose lifetime a round of the open phase counts in; empty for a calibration, and where users
   * have no lifetimes. The same for all rounds of a generation.
   */
  public Optional<Horizon> horizon() {
    return phase().flatMap(phase -> phase.lifetimeFrom(rounds() - roundsInPhase() + 1));
  }

  /** The joint reservation whose slots may be taken; empty if there is none, or it has ended. */
  public Optional<OpenReservation> joint() {
    return Optional.ofNullable(joint);
  }

  /** The sum of what all phases opened have reserved, exact; a joint share counts once. */
  public PrivacyLoss reserved() {
    return budget.reserved();
  }

  /** What was reserved in the generation that is open; all of it where there is none. */
  public PrivacyLoss reservedInGeneration() {
    return generation == null ? reserved() : reserved().minus(generation.before());
  }

  /**
   * What was reserved apart from what the open phase is part of, its own share or a joint one: it
   * is gone, used or not.
   */
  public PrivacyLoss reservedEarlier() {
    return open == null ? reserved() : reserved().minus(open.opened().reserved());
  }

  /** Whether the budget was raised and no phase has reserved from it yet. */
  public boolean raisedSincePhase() {
    return budget.raisedSincePhase();
  }

  /** Why training stands still; empty while it may go on. */
  public Optional<HaltReason> halt() {
    return Optional.ofNullable(halt);
  }
}
