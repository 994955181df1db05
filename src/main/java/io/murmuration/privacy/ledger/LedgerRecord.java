package io.murmuration.privacy.ledger;

import io.murmuration.privacy.accounting.Choice;
import io.murmuration.privacy.accounting.Composition;
import io.murmuration.privacy.accounting.JointAccounts;
import io.murmuration.privacy.accounting.JointComposition;
import io.murmuration.privacy.accounting.LifetimeAccountant;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.mechanism.Checks;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.io.Serializable;
import java.math.BigDecimal;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a ledger records. These fields are public and the list is closed: none is computed from
 * users' data, and none tells of counts, hosts or errors. Of durations there is one thing: after an
 * overrun, by how many ticks a charge was late, see {@link Charge}.
 *
 * <p>Long because every kind of record states here, and only here, what its fields may be.
 */
public sealed interface LedgerRecord {

  /**
   * One answer for each kind of record. A kind without an answer does not compile.
   *
   * @param <T> what is answered
   */
  interface Visitor<T> {
    T genesis(Genesis record);

    T epochOpened(EpochOpened record);

    T generationOpened(GenerationOpened record);

    T jointlyReserved(JointlyReserved record);

    T phaseOpened(PhaseOpened record);

    T charge(Charge record);

    T calibrated(Calibrated record);

    T halted(Halted record);

    T budgetRaised(BudgetRaised record);
  }

  /** What the visitor answers to a record of this kind. */
  <T> T visit(Visitor<T> visitor);

  /**
   * The first record: what the ledger is about. All of it stays as it is, except that {@link
   * BudgetRaised} may raise the budget.
   *
   * @param domain name of the population whose budget this is
   * @param unit the privacy unit, {@link #UNIT}
   * @param neighbouringRelation {@link #NEIGHBOURING_RELATION}
   * @param epsilonBudget the largest ε the domain may ever spend, positive and finite
   * @param delta the largest δ, in (0, 1)
   * @param genesisMillis wall time of tick 0, in milliseconds since 1970
   * @param roundIntervalMillis length of a tick in milliseconds, at least 1
   * @param generations how many lifetimes of each user the budget is for, at least 1, an equal
   *     share for each; null where the budget is the domain's, and training ends with it
   */
  record Genesis(
      String domain,
      String unit,
      String neighbouringRelation,
      double epsilonBudget,
      double delta,
      long genesisMillis,
      long roundIntervalMillis,
      Integer generations)
      implements LedgerRecord {

    public Genesis {
      Checks.text("domain", domain);
      Checks.text("unit", unit);
      Checks.text("neighbouring relation", neighbouringRelation);
      PrivacyLoss.budget("budget", epsilonBudget, delta);
      Checks.atLeast("genesis time", genesisMillis, 0);
      Checks.atLeast("round interval", roundIntervalMillis, 1);
      if (generations != null) {
        Checks.atLeast("generations", generations, 1);
      }
    }

    /** The genesis of a domain whose budget is everybody's together. */
    public Genesis(
        String domain,
        String unit,
        String neighbouringRelation,
        double epsilonBudget,
        double delta,
        long genesisMillis,
        long roundIntervalMillis) {
      this(
          domain,
          unit,
          neighbouringRelation,
          epsilonBudget,
          delta,
          genesisMillis,
          roundIntervalMillis,
          /* generations= */ null);
    }

    /** What the domain may spend. */
    public PrivacyLoss budget() {
      return PrivacyLoss.budget("budget", epsilonBudget, delta);
    }

    /**
     * What one generation may spend: an equal part, so that all of them together are within the
     * budget whatever each of them does.
     *
     * @throws IllegalStateException where users have no lifetimes
     */
    public PrivacyLoss generationShare() {
      if (generations == null) {
        throw new IllegalStateException("a domain without lifetimes has no generations");
      }
      return shareOf(budget(), generations);
    }

    /** An equal part of a budget, as it can be reserved. */
    public static PrivacyLoss shareOf(PrivacyLoss budget, int generations) {
      return generations == 1 ? budget : budget.part(BigDecimal.ONE, generations).roundedDown();
    }

    @Override
    public <T> T visit(Visitor<T> visitor) {
      return visitor.genesis(this);
    }
  }

  /**
   * A start of a job, fresh or restored. What earlier epochs had in flight is void from here on.
   *
   * @param epoch the last epoch + 1; the first is 1
   * @param jobId the submission that opened it: its attempts share it, every other has another.
   *     Earlier versions wrote Flink's job id, which a cluster in application mode may give twice
   */
  record EpochOpened(long epoch, String jobId) implements LedgerRecord {
    public EpochOpened {
      Checks.atLeast("epoch", epoch, 1);
      Checks.text("job id", jobId);
    }

    @Override
    public <T> T visit(Visitor<T> visitor) {
      return visitor.epochOpened(this);
    }
  }

  /**
   * From here on every user has another lifetime: what came before is counted whole, whoever took
   * part in it. It ends the joint reservation and the phase that were open.
   *
   * @param epoch the epoch that opened it
   * @param generation the last generation + 1; the first is 1, and the last as many as the genesis
   *     says
   * @param identity what counting users rests on, by name: fingerprints of keys and versions of
   *     rules, all of them public. Another value of one of them is another generation
   */
  record GenerationOpened(long epoch, int generation, SortedMap<String, String> identity)
      implements LedgerRecord {
    public GenerationOpened {
      Checks.atLeast("epoch", epoch, 1);
      Checks.atLeast("generation", generation, 1);
      identity = Collections.unmodifiableSortedMap(new TreeMap<>(identity));
      identity.forEach(Checks::text);
    }

    @Override
    public <T> T visit(Visitor<T> visitor) {
      return visitor.generationOpened(this);
    }
  }

  /**
   * Phases whose mechanisms are chosen while the domain lives get one share of the budget, together
   * and for good. It says in advance how many such phases there may be and among what each is
   * chosen; nothing in it is a function of data.
   *
   * <p>A phase takes a <b>slot</b>: {@link PhaseOpened#slot} is its number, from 1, in the last
   * record of this kind. That phase must be one of the slot's options, with no more rounds, and a
   * slot is taken at most so many times. Slots are taken in any order; one that is never taken, or
   * not to its end, is spent all the same.
   *
   * <p>A measurement that a failure made void is repeated as another phase, which takes a slot that
   * was reserved for that: one such slot serves every kind of measurement. Where none is left, the
   * domain halts.
   *
   * <p>A phase that reserves for itself, behind a raise or by another schedule, <b>ends</b> the
   * reservation: from then on no slot is taken. So what else was reserved is always either all
   * before or all behind, and adds up with this share by basic composition.
   *
   * <p>ε of the whole is recomputed from this record alone: {@link #composition} at {@link #delta}.
   *
   * @param epoch the epoch that wrote it
   * @param slots at least one
   * @param epsilon ε of all of them together, positive and finite
   * @param delta δ of all of them together, in (0, 1)
   */
  record JointlyReserved(long epoch, List<Slot> slots, double epsilon, double delta)
      implements LedgerRecord {
    public JointlyReserved {
      Checks.atLeast("epoch", epoch, 1);
      slots = List.copyOf(slots);
      Checks.atLeast("slots", slots.size(), 1);
      PrivacyLoss.budget("reservation", epsilon, delta);
    }

    /** What is reserved for all slots together. */
    public PrivacyLoss reserved() {
      return PrivacyLoss.budget("reservation", epsilon, delta);
    }

    /** What it costs, computed from its slots. */
    public JointAccounts accounts() {
      return new JointAccounts(composition(), reserved());
    }

    /** Every slot as often as it may be taken. */
    public JointComposition composition() {
      return new JointComposition(
          slots.stream()
              .map(slot -> new JointComposition.Part(slot.choice(), slot.times()))
              .toList());
    }

    /**
     * A slot by its number.
     *
     * @param number from 1
     */
    public Slot slot(int number) {
      return slots.get(number - 1);
    }

    /** The same by another epoch. */
    public JointlyReserved in(long otherEpoch) {
      return new JointlyReserved(otherEpoch, slots, epsilon, delta);
    }

    @Override
    public <T> T visit(Visitor<T> visitor) {
      return visitor.jointlyReserved(this);
    }
  }

  /**
   * Phases of one kind.
   *
   * @param times how many phases may take it, at least 1
   * @param options what such a phase may do, at least one, each once
   */
  record Slot(int times, List<Option> options) implements Serializable {
    public Slot {
      Checks.atLeast("times that a slot may be taken", times, 1);
      options = List.copyOf(options);
      if (options.isEmpty() || options.stream().distinct().count() < options.size()) {
        throw new IllegalArgumentException(
            "a slot must have at least one option, each once, but has " + options);
      }
    }

    /** The slot as the accountant sees it. */
    public Choice choice() {
      return new Choice(options.stream().map(Option::composition).toList());
    }

    /** The most rounds of any option. */
    public long mostRounds() {
      return options.stream().mapToLong(Option::rounds).max().orElseThrow();
    }

    /** The option that a mechanism is, whatever it clips to and divides by; empty if it is none. */
    public Optional<Option> optionOf(RoundMechanism mechanism) {
      return options.stream().filter(option -> option.isThatOf(mechanism)).findFirst();
    }
  }

  /**
   * What a phase may be: all of its mechanism that the accountant looks at, and its rounds.
   *
   * @param sampler what is sampled
   * @param samplingProbability q or p, in (0, 1]
   * @param groupSize G ≥ 1
   * @param noiseMultiplier σ &gt; 0
   * @param bands b ≥ 1: over how many rounds noise is correlated, 1 for independent noise. By what
   *     coefficients costs nothing, and is the phase's
   * @param rounds T ≥ 1: the most rounds
   */
  record Option(
      Sampler sampler,
      double samplingProbability,
      int groupSize,
      double noiseMultiplier,
      int bands,
      long rounds)
      implements Serializable {
    public Option {
      if (sampler == null) {
        throw new IllegalArgumentException("sampler is required");
      }
      Checks.atLeast("rounds of an option", rounds, 1);
      sampler.accounted(samplingProbability, groupSize, noiseMultiplier, bands);
    }

    /** An option with independent noise. */
    public Option(
        Sampler sampler,
        double samplingProbability,
        int groupSize,
        double noiseMultiplier,
        long rounds) {
      this(sampler, samplingProbability, groupSize, noiseMultiplier, /* bands= */ 1, rounds);
    }

    /** The option that such rounds are. */
    public static Option of(RoundMechanism mechanism, long rounds) {
      return new Option(
          mechanism.sampler(),
          mechanism.samplingProbability(),
          mechanism.groupSize(),
          mechanism.noiseMultiplier(),
          mechanism.bands(),
          rounds);
    }

    /** The same with another noise multiplier. */
    public Option withNoiseMultiplier(double other) {
      return new Option(sampler, samplingProbability, groupSize, other, bands, rounds);
    }

    /** Whether another option is this one but for how precisely its noise was calibrated. */
    public boolean differsInCalibrationOnly(Option other) {
      return RoundMechanism.isClose(noiseMultiplier, other.noiseMultiplier)
          && equals(other.withNoiseMultiplier(noiseMultiplier));
    }

    /** What the accountant makes of a round of it. */
    public Mechanism accounted() {
      return sampler.accounted(samplingProbability, groupSize, noiseMultiplier, bands);
    }

    boolean isThatOf(RoundMechanism mechanism) {
      return of(mechanism, rounds).equals(this);
    }

    Composition composition() {
      return Composition.of(accounted(), rounds);
    }
  }

  /**
   * A mechanism gets its share of the budget, for good: ending a phase early returns nothing. Or it
   * takes a slot of a {@link JointlyReserved} share.
   *
   * @param epoch the epoch that opened it
   * @param phase the last phase + 1; the first is 1
   * @param mechanism what each of its rounds does
   * @param epsilon ε_i reserved, positive and finite; where it takes a slot, that of the joint
   *     share, which it does not reserve anew
   * @param delta δ_i reserved, in (0, 1); the same
   * @param maxRounds T_i: the most rounds it may ever charge, at least 1; in a generation H: the
   *     most rounds that count for one user, while it charges for ever
   * @param slot the slot that it takes, from 1; null if it reserves for itself
   * @param generation the generation whose training it is; null for a calibration, and where users
   *     have no lifetimes
   */
  record PhaseOpened(
      long epoch,
      int phase,
      RoundMechanism mechanism,
      double epsilon,
      double delta,
      long maxRounds,
      Integer slot,
      Integer generation)
      implements LedgerRecord {
    public PhaseOpened {
      Checks.atLeast("epoch", epoch, 1);
      Checks.atLeast("phase", phase, 1);
      if (mechanism == null) {
        throw new IllegalArgumentException("mechanism is required");
      }
      PrivacyLoss.budget("phase", epsilon, delta);
      Checks.atLeast("largest number of rounds", maxRounds, 1);
      if (slot != null) {
        Checks.atLeast("slot", slot, 1);
      }
      if (generation != null) {
        Checks.atLeast("generation", generation, 1);
      }
    }

    /** A phase that ends. */
    public PhaseOpened(
        long epoch,
        int phase,
        RoundMechanism mechanism,
        double epsilon,
        double delta,
        long maxRounds,
        Integer slot) {
      this(epoch, phase, mechanism, epsilon, delta, maxRounds, slot, /* generation= */ null);
    }

    /** A phase that ends, and reserves for itself. */
    public PhaseOpened(
        long epoch,
        int phase,
        RoundMechanism mechanism,
        double epsilon,
        double delta,
        long maxRounds) {
      this(epoch, phase, mechanism, epsilon, delta, maxRounds, /* slot= */ null);
    }

    /** Whether it has rounds for ever, of which only so many count for a user. */
    public boolean isLifetime() {
      return generation != null;
    }

    /**
     * The lifetime of users that its rounds count in; empty unless {@link #isLifetime}.
     *
     * @param firstRound the first that was, or will be, charged to it
     */
    public Optional<Horizon> lifetimeFrom(long firstRound) {
      return isLifetime()
          ? Optional.of(new Horizon(generation, maxRounds, firstRound))
          : Optional.empty();
    }

    /** Whether it has charged all the rounds that it ever may when it has charged so many. */
    public boolean isSpentAfter(long rounds) {
      return !isLifetime() && rounds >= maxRounds;
    }

    /** Its accountant, from that of a phase with its mechanism and share that ends. */
    public PhaseAccountant accountant(PhaseAccountant ending) {
      return isLifetime() ? new LifetimeAccountant(ending, maxRounds) : ending;
    }

    /** What it reserves, or the joint share that it is part of. */
    public PrivacyLoss reserved() {
      return PrivacyLoss.budget("phase", epsilon, delta);
    }

    @Override
    public <T> T visit(Visitor<T> visitor) {
      return visitor.phaseOpened(this);
    }
  }

  /**
   * One round is paid for, whether or not it is ever run.
   *
   * @param epoch the epoch that charged it
   * @param round the last round + 1; the first is 1
   * @param tick the public time of the round, above the tick of every earlier charge
   * @param phase the phase it is charged to
   * @param clipNorm C of this round where the phase's clipping is adaptive; otherwise null, and the
   *     phase's mechanism says it
   * @param dueTick null where the charge is at the tick of the public schedule; after an overrun
   *     the tick at which it was due: something before it did not fit its interval
   */
  record Charge(long epoch, long round, long tick, int phase, Double clipNorm, Long dueTick)
      implements LedgerRecord {
    public Charge {
      Checks.atLeast("epoch", epoch, 1);
      Checks.atLeast("round", round, 1);
      Checks.atLeast("tick", tick, 1);
      Checks.atLeast("phase", phase, 1);
      if (clipNorm != null && !(clipNorm > 0 && clipNorm < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "clip norm must be positive and finite but is " + clipNorm);
      }
      if (dueTick != null) {
        Checks.atLeast("tick at which the charge was due", dueTick, 1);
        if (dueTick >= tick) {
          throw new IllegalArgumentException(
              "a charge at tick %d cannot have been due at tick %d and be late"
                  .formatted(tick, dueTick));
        }
      }
    }

    /** A round with the clip norm of its phase, charged when it was due. */
    public Charge(long epoch, long round, long tick, int phase) {
      this(epoch, round, tick, phase, /* clipNorm= */ null);
    }

    /** A round charged when it was due. */
    public Charge(long epoch, long round, long tick, int phase, Double clipNorm) {
      this(epoch, round, tick, phase, clipNorm, /* dueTick= */ null);
    }

    /** Whether the round before it, its checkpoint or a recovery did not fit its interval. */
    public boolean isOverrun() {
      return dueTick != null;
    }

    /** The same without a word on when it was due. */
    public Charge withoutDueTick() {
      return new Charge(epoch, round, tick, phase, clipNorm);
    }

    @Override
    public <T> T visit(Visitor<T> visitor) {
      return visitor.charge(this);
    }
  }

  /**
   * A calibration has come to its end. What was measured is noised and paid for; the mechanism of
   * the phases that follow is a function of it.
   *
   * @param epoch the epoch that charged and recorded it
   * @param round the round that measured it
   * @param phase the phase of that round; nothing is charged to it from here on
   * @param answer the noised histograms, as the phase's query lays them out
   */
  record Calibrated(long epoch, long round, int phase, List<Double> answer)
      implements LedgerRecord {
    public Calibrated {
      Checks.atLeast("epoch", epoch, 1);
      Checks.atLeast("round", round, 1);
      Checks.atLeast("phase", phase, 1);
      answer = List.copyOf(answer);
      for (double value : answer) {
        if (!Double.isFinite(value)) {
          throw new IllegalArgumentException("a noised number must be finite but is " + value);
        }
      }
    }

    @Override
    public <T> T visit(Visitor<T> visitor) {
      return visitor.calibrated(this);
    }
  }

  /**
   * Training has stopped.
   *
   * @param epoch the epoch that halted
   * @param reason any but {@link HaltReason#FENCED}
   */
  record Halted(long epoch, HaltReason reason) implements LedgerRecord {
    public Halted {
      Checks.atLeast("epoch", epoch, 1);
      if (reason == null || reason == HaltReason.FENCED) {
        throw new IllegalArgumentException(
            "reason must be BUDGET_SPENT, ROUNDS_DONE or CALIBRATION_FAILED but is " + reason);
      }
    }

    @Override
    public <T> T visit(Visitor<T> visitor) {
      return visitor.halted(this);
    }
  }

  /**
   * The deployer raised the budget. The next phase reserves from what was added.
   *
   * @param epoch the epoch that recorded it
   * @param epsilonBudget the new ε of the whole domain
   * @param delta the new δ of the whole domain
   */
  record BudgetRaised(long epoch, double epsilonBudget, double delta) implements LedgerRecord {
    public BudgetRaised {
      Checks.atLeast("epoch", epoch, 1);
      PrivacyLoss.budget("budget", epsilonBudget, delta);
    }

    /** What the domain may spend from here on, altogether. */
    public PrivacyLoss budget() {
      return PrivacyLoss.budget("budget", epsilonBudget, delta);
    }

    @Override
    public <T> T visit(Visitor<T> visitor) {
      return visitor.budgetRaised(this);
    }
  }

  /** The privacy unit of every ledger: all events that ever carry one user id. */
  String UNIT = "user";

  /** The neighbouring relation of every ledger: add or remove one user with all their events. */
  String NEIGHBOURING_RELATION = "add-or-remove-one-user";
}
