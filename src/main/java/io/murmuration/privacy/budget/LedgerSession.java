package io.murmuration.privacy.budget;

import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerFactory;
import io.murmuration.privacy.ledger.LedgerPosition;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerRecord.BudgetRaised;
import io.murmuration.privacy.ledger.LedgerRecord.Calibrated;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import io.murmuration.privacy.ledger.LedgerRecord.GenerationOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.ledger.LedgerRecord.Halted;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.AccountantFactory;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.PublicClock;
import io.murmuration.privacy.mechanism.RoundExecuted;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;

/**
 * One attempt's dealings with the ledger: fence, read, compare, open an epoch; then charge.
 *
 * <p>Guarantees, for any interleaving of attempts on one ledger:
 *
 * <ul>
 *   <li>A {@link Grant} exists only after its charge is durable.
 *   <li>What is charged next follows from the entries read after fencing and from nothing else.
 *   <li>An attempt opens at most one epoch. After an append of unknown outcome, or after having
 *       been fenced, it goes on only if its own epoch is still the last; a charge found there that
 *       it never saw acknowledged is spent and void.
 *   <li>A job that another job has taken over from never writes again, and does not even fence.
 * </ul>
 *
 * <p>All methods block; one thread uses an instance.
 *
 * <p>Long because opening and charging keep one invariant, which is stated above.
 */
public final class LedgerSession implements AutoCloseable {

  private final LedgerFactory factory;
  private final BudgetTerms terms;
  private final PhaseAccountants accountants;
  private final ReleaseWitness releases;
  private final String jobId;
  private final Optional<LedgerPosition> restored;

  private Ledger ledger;
  private LedgerState state = LedgerState.empty();
  private PhaseAccountant accountant;
  private int accountedPhase;
  private long ownEpoch;
  private int wastedEpochs;
  private boolean isFailover;
  private long opensAtMillis;
  private Optional<String> modelLeftBehind = Optional.empty();

  /**
   * @param jobId the submission that this is an attempt of; the same for all of its attempts, and
   *     another one for every other submission
   * @param restored the position in the restored state; empty at a start without state
   */
  public LedgerSession(
      LedgerFactory factory,
      BudgetTerms terms,
      AccountantFactory accountants,
      ReleaseWitness releases,
      String jobId,
      Optional<LedgerPosition> restored) {
    this.factory = factory;
    this.terms = terms;
    this.accountants = new PhaseAccountants(accountants);
    this.releases = releases;
    this.jobId = jobId;
    this.restored = restored;
  }

  /** What {@link #open} found. */
  public sealed interface Opening {

    /** The ledger as it now stands. */
    LedgerState state();

    /**
     * The epoch is this attempt's: it may charge.
     *
     * @param accountant of the phase that is open
     * @param wastedEpochs how many epochs of this job in a row, up to the one before, charged a
     *     round and made none durable
     * @param isFailover whether the epoch before was of the same job: a failure ended it, not a
     *     person
     * @param modelLeftBehind what a person should know if the newest published model does not go on
     *     from here, see {@link ModelLineage}
     */
    record Owned(
        LedgerState state,
        PhaseAccountant accountant,
        int wastedEpochs,
        boolean isFailover,
        Optional<String> modelLeftBehind)
        implements Opening {}

    /** Another job, or a later attempt of this one, has taken over: it may never charge again. */
    record Superseded(LedgerState state) implements Opening {}
  }

  /**
   * Opens the ledger, or opens it again after a failure.
   *
   * @param nowMillis wall time, which becomes the genesis of a ledger that has none
   * @throws LedgerException.Refused if the ledger is damaged, lacks an entry that restored state or
   *     a release names, or contradicts the terms
   */
  public Opening open(long nowMillis) throws LedgerException, InterruptedException {
    close();
    ledger = factory.create();
    // A look before fencing spares the job that took over from being fenced for nothing. The
    // decision to go on rests on what is read after fencing.
    LedgerState seen = LedgerState.of(ledger.read(), ledger.location());
    if (isSuperseded(seen)) {
      return superseded(seen);
    }
    if (seen.nextSequence() == 0 && !ledger.isThere()) {
      // Nothing is begun in the place of a ledger that somebody has seen.
      requireNothingLost(List.of(), namedByReleases());
    }
    List<LedgerEntry> entries = ledger.open();
    LedgerState read = LedgerState.of(entries, ledger.location());
    List<String> released = namedByReleases();
    requireNothingLost(entries, released);
    state = read;
    if (isSuperseded(state)) {
      return superseded(state);
    }
    if (ownEpoch == 0) {
      wastedEpochs = WastedEpochs.count(entries, jobId, restored);
      isFailover = state.jobId().equals(Optional.of(jobId));
      modelLeftBehind = ModelLineage.warning(entries, restored, released, releases.startingPoint());
    }
    if (accountant == null || accountedPhase != state.lastPhase()) {
      settle(nowMillis, state.lastChargedTick());
    }
    return new Opening.Owned(state, accountant, wastedEpochs, isFailover, modelLeftBehind);
  }

  /**
   * When this attempt may be opened, so that the record of its epoch does not tell how long a
   * recovery took: after a failure at the beginning of the tick that {@link
   * DurabilityTerms#RECOVERY_TICKS} says, or where that is past of the next one; otherwise, and
   * once it has an epoch, at once. A start by a person is public.
   *
   * @param nowMillis wall time
   * @return that moment; not after {@code nowMillis} if it may be opened now
   */
  public long opensAtMillis(long nowMillis) throws LedgerException, InterruptedException {
    if (ownEpoch != 0 || opensAtMillis != 0) {
      return opensAtMillis;
    }
    LedgerState seen;
    try (Ledger look = factory.create()) {
      seen = LedgerState.of(look.read(), look.location());
    }
    if (seen.genesis().isEmpty() || !seen.jobId().equals(Optional.of(jobId))) {
      return nowMillis;
    }
    PublicClock clock = clock(seen);
    long next = clock.beginningFrom(nowMillis);
    long scheduled = clock.millisOf(seen.lastChargedTick() + DurabilityTerms.RECOVERY_TICKS);
    // a wall clock that was set back must not make the job wait for as long
    long latest = next + DurabilityTerms.RECOVERY_TICKS * clock.intervalMillis();
    opensAtMillis = scheduled > next && scheduled <= latest ? scheduled : next;
    return opensAtMillis;
  }

  private boolean isSuperseded(LedgerState current) {
    return current.supersedes(jobId) || (ownEpoch != 0 && current.epoch() > ownEpoch);
  }

  private Opening superseded(LedgerState current) {
    close();
    state = current;
    return new Opening.Superseded(current);
  }

  private void requireNothingLost(List<LedgerEntry> entries, List<String> released)
      throws LedgerException {
    if (restored.isPresent()) {
      requireHeld(entries, "The restored state", restored.get().sequence(), restored.get().hash());
    }
    if (state.nextSequence() > 0) {
      requireHeld(entries, "This job", state.nextSequence() - 1, state.headHash());
    }
    Set<String> hashes = new HashSet<>();
    entries.forEach(entry -> hashes.add(entry.hash()));
    for (String named : released) {
      if (!hashes.contains(named)) {
        throw new LedgerException.Refused(
            ("A published release names the ledger record with hash %s, but the %s does not hold"
                    + " it: its tail is lost or it is another ledger. Point the job to the ledger it"
                    + " was started with. If that is gone for good, ledger.accept-lost-charges: true"
                    + " accepts it for one start; what was released then stays spent beside what this"
                    + " ledger says")
                .formatted(named, ledger.location()));
      }
    }
  }

  private void requireHeld(List<LedgerEntry> entries, String witness, long sequence, String hash)
      throws LedgerException.Refused {
    if (sequence >= entries.size() || !entries.get((int) sequence).hash().equals(hash)) {
      throw new LedgerException.Refused(
          ("%s has seen record %d with hash %s, but the %s has %d records and not that one: its"
                  + " tail is lost or it is another ledger. Point the job to the ledger it was started"
                  + " with")
              .formatted(witness, sequence, hash, ledger.location(), entries.size()));
    }
  }

  private List<String> namedByReleases() throws LedgerException {
    try {
      return releases.ledgerHashes();
    } catch (IOException e) {
      throw new LedgerException.Unavailable(
          "The releases that name the ledger's head cannot be read", e);
    }
  }

  /**
   * Opens this attempt's epoch and whatever the configured mechanism lacks in the ledger.
   * Repeatable at every point: a crash or an unknown outcome between two of the appends leaves a
   * ledger that the next call completes.
   */
  private void settle(long nowMillis, long tick) throws LedgerException, InterruptedException {
    PhaseOpening opening = PhaseOpening.of(state, terms, accountants, ledger.location(), tick);
    if (state.genesis().isEmpty()) {
      append(
          new Genesis(
              terms.domain(),
              LedgerRecord.UNIT,
              LedgerRecord.NEIGHBOURING_RELATION,
              terms.epsilon(),
              terms.delta(),
              nowMillis,
              terms.roundInterval().toMillis(),
              terms.horizon() == null ? null : terms.horizon().generations()));
    }
    if (ownEpoch == 0) {
      append(new EpochOpened(state.epoch() + 1, jobId));
      ownEpoch = state.epoch();
    }
    if (opening.raises()) {
      append(new BudgetRaised(ownEpoch, terms.epsilon(), terms.delta()));
    }
    Optional<GenerationOpened> generation = opening.generation(ownEpoch);
    if (generation.isPresent()) {
      append(generation.get());
    }
    Optional<JointlyReserved> reservation = opening.reservation(ownEpoch);
    if (reservation.isPresent()) {
      append(reservation.get());
    }
    if (opening.opensPhase()) {
      append(opening.opened(ownEpoch));
    }
    accountant = opening.accountant();
    accountedPhase = state.phase().orElseThrow().phase();
  }

  /**
   * Charges the next round.
   *
   * @param tick the public time of the round
   * @return the grant, once the charge is durable
   */
  public Grant charge(long tick) throws LedgerException, InterruptedException {
    return charge(tick, OptionalDouble.empty());
  }

  /**
   * Charges the next round; where another phase is due at its tick, opens that first.
   *
   * @param tick the public time of the round
   * @param clipNorm what an earlier round of the phase chose for this one, where clipping is
   *     adaptive; empty for the last that was charged
   * @return the grant, once the charge is durable
   */
  public Grant charge(long tick, OptionalDouble clipNorm)
      throws LedgerException, InterruptedException {
    return charge(tick, /* dueTick= */ tick, clipNorm);
  }

  /**
   * The same for a charge that may come late.
   *
   * @param dueTick the tick of the public schedule, at most {@code tick}
   */
  public Grant charge(long tick, long dueTick, OptionalDouble clipNorm)
      throws LedgerException, InterruptedException {
    int before = state.phase().orElseThrow().phase();
    openDuePhase(tick);
    PhaseOpened phase = state.phase().orElseThrow();
    Double own = null;
    if (phase.mechanism().adaptiveClipping().isPresent()) {
      own = phase.phase() == before ? clipNorm.orElse(state.clipNorm()) : state.clipNorm();
    }
    Charge charge =
        new Charge(
            state.epoch(),
            state.rounds() + 1,
            tick,
            phase.phase(),
            own,
            dueTick == tick ? null : dueTick);
    double epsilon = epsilonSpent(state.roundsInPhase() + 1);
    append(charge);
    return new Grant(
        charge.epoch(),
        charge.round(),
        charge.tick(),
        charge.phase(),
        own == null ? phase.mechanism() : phase.mechanism().withClipNorm(own),
        epsilon,
        state.reserved().delta(),
        state.headHash(),
        clock(state),
        state.horizon().orElse(null),
        state.roundsInPhase() - 1);
  }

  private static PublicClock clock(LedgerState state) {
    Genesis genesis = state.genesis().orElseThrow();
    return new PublicClock(genesis.genesisMillis(), genesis.roundIntervalMillis());
  }

  private void openDuePhase(long tick) throws LedgerException, InterruptedException {
    if (terms.phases().due(state, tick) == PhaseSchedule.Due.PHASE) {
      settle(state.genesis().orElseThrow().genesisMillis(), tick);
    }
  }

  /**
   * Records the outcome of a calibration that this attempt charged, and opens the phase that
   * follows from it.
   *
   * @param executed with the noised numbers
   * @param tick public time
   */
  public void conclude(RoundExecuted executed, long tick)
      throws LedgerException, InterruptedException {
    append(
        new Calibrated(
            state.epoch(),
            executed.round(),
            state.phase().orElseThrow().phase(),
            executed.answer()));
    openDuePhase(tick);
  }

  /** The accountant of the phase that is open. */
  public PhaseAccountant accountant() {
    return accountant;
  }

  /** Records that training halts. */
  public void halt(HaltReason reason) throws LedgerException, InterruptedException {
    append(new Halted(state.epoch(), reason));
  }

  private void append(LedgerRecord record) throws LedgerException, InterruptedException {
    LedgerEntry entry = LedgerEntry.after(state, record);
    LedgerState next = state.apply(entry);
    ledger.append(entry);
    state = next;
  }

  /** The ledger as this session last knew it to be. */
  public LedgerState state() {
    return state;
  }

  /**
   * The ε that the domain has spent, at the sum of the reserved δ. Where this attempt does not own
   * the epoch it has no accountant, and the answer is what is reserved: never below what is spent.
   */
  public double epsilonSpent() {
    return accountant == null ? state.reserved().epsilon() : epsilonSpent(state.roundsInPhase());
  }

  /**
   * What earlier phases reserved, which is gone whether used or not, plus what so many rounds of
   * the open phase use (basic composition).
   */
  private double epsilonSpent(long roundsInPhase) {
    return state
        .reservedEarlier()
        .epsilonWith(
            state.phase().orElseThrow().reserved(), accountant.epsilonAfter(roundsInPhase));
  }

  @Override
  public void close() {
    if (ledger != null) {
      ledger.close();
      ledger = null;
    }
  }
}
