package io.murmuration.privacy.accounting;

import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * The cost of one phase from the privacy loss distribution of its mechanism.
 *
 * <p>Made once per phase, in well under a second; from then on admission is one comparison, and ε
 * of a round costs one composition on a prepared grid (milliseconds), remembered.
 *
 * <p>Inside, what is counted are the rounds in which a user can take part ({@link
 * Mechanism#participations}): all of them, but where users take turns.
 *
 * <p>ε never decreases with rounds, in whatever order it is asked for: each composition is an upper
 * bound for all smaller numbers of rounds too, so what is known for other numbers of rounds is a
 * valid limit from either side.
 */
public final class PldPhaseAccountant implements PhaseAccountant {

  /** What a second look at a phase's last rounds may use, coarsest first. */
  private static final double[] FINER = {1e-5, 1e-6};

  /** No precision makes up for so much, relative to ε. */
  private static final double FAR_OFF = 0.01;

  private final Mechanism round;
  private final RepeatedMechanism mechanism;
  private final double reservedEpsilon;
  private final double delta;
  private final long affordableRounds;

  /** By participations. */
  private final ConcurrentSkipListMap<Long, Double> known = new ConcurrentSkipListMap<>();

  private PldPhaseAccountant(
      Mechanism round,
      RepeatedMechanism mechanism,
      double reservedEpsilon,
      double delta,
      long affordableRounds) {
    this.round = round;
    this.mechanism = mechanism;
    this.reservedEpsilon = reservedEpsilon;
    this.delta = delta;
    this.affordableRounds = affordableRounds;
    known.put(0L, 0.0);
    long affordable = round.participations(affordableRounds);
    known.put(affordable, affordable == 0 ? 0 : mechanism.epsilon(affordable));
  }

  /** An accountant for a phase that runs until its budget is spent. */
  public static PhaseAccountant forPhase(Mechanism mechanism, double epsilon, double delta) {
    return forPhase(mechanism, epsilon, delta, Arguments.MAX_ROUNDS);
  }

  /**
   * An accountant for a phase.
   *
   * @param mechanism of every round
   * @param epsilon what the phase reserves, positive and finite
   * @param delta what the phase reserves, in [1e-100, 1)
   * @param mostRounds the phase affords no more than this, whatever its budget; in [0, 10⁹]
   */
  public static PhaseAccountant forPhase(
      Mechanism mechanism, double epsilon, double delta, long mostRounds) {
    return forPhase(mechanism, epsilon, delta, mostRounds, PldAccountant.DEFAULT_PRECISION);
  }

  static PhaseAccountant forPhase(
      Mechanism mechanism, double epsilon, double delta, long mostRounds, double precision) {
    Arguments.positiveEpsilon(epsilon);
    Arguments.delta(delta);
    Arguments.rounds(mostRounds);
    RepeatedMechanism repeated = new RepeatedMechanism(mechanism, delta, precision);
    long rough =
        mostRounds == 0 ? 0 : RepeatedMechanism.roughlyAffordable(mechanism, epsilon, delta);
    long most = mechanism.participations(mostRounds);
    long limit = Math.min(most, rough + rough / 2 + 1);
    while (true) {
      long affordable = RoundsSearch.largest(repeated::epsilon, epsilon, limit);
      if (affordable < limit || limit == most) {
        long rounds = Math.min(mostRounds, mechanism.roundsOf(affordable));
        return new PldPhaseAccountant(mechanism, repeated, epsilon, delta, rounds);
      }
      limit = Math.min(most, 4 * limit);
    }
  }

  @Override
  public double delta() {
    return delta;
  }

  @Override
  public double reservedEpsilon() {
    return reservedEpsilon;
  }

  @Override
  public double epsilonAfter(long rounds) {
    if (rounds < 0 || rounds > affordableRounds) {
      throw new IllegalArgumentException(
          "rounds must be in [0, " + affordableRounds + "] for this phase but is " + rounds);
    }
    long participations = round.participations(rounds);
    Double remembered = known.get(participations);
    return remembered != null ? remembered : compose(participations);
  }

  private synchronized double compose(long participations) {
    Map.Entry<Long, Double> fewer = known.floorEntry(participations);
    Map.Entry<Long, Double> more = known.ceilingEntry(participations);
    double epsilon = mechanism.epsilon(participations);
    double limited = Math.max(fewer.getValue(), Math.min(more.getValue(), epsilon));
    known.put(participations, limited);
    return limited;
  }

  @Override
  public long affordableRounds() {
    return affordableRounds;
  }

  @Override
  public boolean covers(long rounds) {
    return rounds <= affordableRounds || proves(rounds, reservedEpsilon);
  }

  @Override
  public boolean proves(long rounds, double epsilon) {
    long participations = round.participations(rounds);
    double bound = mechanism.epsilon(participations);
    if (bound <= epsilon) {
      return true;
    }
    if (!(bound <= epsilon * (1 + FAR_OFF))) {
      return false;
    }
    try {
      for (double precision : FINER) {
        if (new RepeatedMechanism(round, delta, precision).epsilon(participations) <= epsilon) {
          return true;
        }
      }
    } catch (GridTooLargeException e) {
      // As precisely as it can be computed, it cannot be proven.
      return false;
    }
    return false;
  }
}
