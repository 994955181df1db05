package io.murmuration.privacy.ledger;

import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.mechanism.Checks;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.util.List;

/**
 * What a ledger records. These fields are public and the list is closed: none is computed from
 * users' data, and none tells of counts, durations, hosts or errors.
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
   */
  record Genesis(
      String domain,
      String unit,
      String neighbouringRelation,
      double epsilonBudget,
      double delta,
      long genesisMillis,
      long roundIntervalMillis)
      implements LedgerRecord {

    public Genesis {
      Checks.text("domain", domain);
      Checks.text("unit", unit);
      Checks.text("neighbouring relation", neighbouringRelation);
      PrivacyLoss.budget("budget", epsilonBudget, delta);
      Checks.atLeast("genesis time", genesisMillis, 0);
      Checks.atLeast("round interval", roundIntervalMillis, 1);
    }

    /** What the domain may spend. */
    public PrivacyLoss budget() {
      return PrivacyLoss.budget("budget", epsilonBudget, delta);
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
   * A mechanism gets its share of the budget, for good: ending a phase early returns nothing.
   *
   * @param epoch the epoch that opened it
   * @param phase the last phase + 1; the first is 1
   * @param mechanism what each of its rounds does
   * @param epsilon ε_i reserved, positive and finite
   * @param delta δ_i reserved, in (0, 1)
   * @param maxRounds T_i: the most rounds it may ever charge, at least 1
   */
  record PhaseOpened(
      long epoch, int phase, RoundMechanism mechanism, double epsilon, double delta, long maxRounds)
      implements LedgerRecord {
    public PhaseOpened {
      Checks.atLeast("epoch", epoch, 1);
      Checks.atLeast("phase", phase, 1);
      if (mechanism == null) {
        throw new IllegalArgumentException("mechanism is required");
      }
      PrivacyLoss.budget("phase", epsilon, delta);
      Checks.atLeast("largest number of rounds", maxRounds, 1);
    }

    /** What it reserves. */
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
