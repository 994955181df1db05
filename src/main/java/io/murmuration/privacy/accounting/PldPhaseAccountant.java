package io.murmuration.privacy.accounting;

import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * The cost of one phase from the privacy loss distribution of its mechanism.
 *
 * <p>Made once per phase, in well under a second; from then on admission is one comparison, and ε
 * of a round costs one composition on a prepared grid (milliseconds), remembered.
 *
 * <p>ε never decreases with rounds, in whatever order it is asked for: each composition is an upper
 * bound for all smaller numbers of rounds too, so what is known for other numbers of rounds is a
 * valid limit from either side.
 */
public final class PldPhaseAccountant implements PhaseAccountant {

  private final RepeatedMechanism mechanism;
  private final double reservedEpsilon;
  private final double delta;
  private final long affordableRounds;
  private final ConcurrentSkipListMap<Long, Double> known = new ConcurrentSkipListMap<>();

  private PldPhaseAccountant(
      RepeatedMechanism mechanism, double reservedEpsilon, double delta, long affordableRounds) {
    this.mechanism = mechanism;
    this.reservedEpsilon = reservedEpsilon;
    this.delta = delta;
    this.affordableRounds = affordableRounds;
    known.put(0L, 0.0);
    known.put(affordableRounds, affordableRounds == 0 ? 0 : mechanism.epsilon(affordableRounds));
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
    long rough =
        mostRounds == 0 ? 0 : RepeatedMechanism.roughlyAffordable(mechanism, epsilon, delta);
    long capacity = Math.max(1, Math.min(mostRounds, rough + rough / 2 + 1));
    while (true) {
      RepeatedMechanism repeated = RepeatedMechanism.of(mechanism, capacity, delta, precision);
      long affordable =
          RoundsSearch.largest(repeated::epsilon, epsilon, Math.min(capacity, mostRounds));
      if (affordable < capacity || capacity >= mostRounds) {
        return new PldPhaseAccountant(repeated, epsilon, delta, affordable);
      }
      capacity = Math.min(mostRounds, 4 * capacity);
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
    Double remembered = known.get(rounds);
    return remembered != null ? remembered : compose(rounds);
  }

  private synchronized double compose(long rounds) {
    Map.Entry<Long, Double> fewer = known.floorEntry(rounds);
    Map.Entry<Long, Double> more = known.ceilingEntry(rounds);
    double epsilon = mechanism.epsilon(rounds);
    double limited = Math.max(fewer.getValue(), Math.min(more.getValue(), epsilon));
    known.put(rounds, limited);
    return limited;
  }

  @Override
  public long affordableRounds() {
    return affordableRounds;
  }
}
