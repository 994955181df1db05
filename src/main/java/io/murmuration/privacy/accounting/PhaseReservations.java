package io.murmuration.privacy.accounting;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;

/**
 * How a total (ε, δ) is split over phases, by basic composition: the phases' ε add up, and so do
 * their δ. That holds for phases whose parameters are chosen by looking at earlier releases, as
 * long as what each may spend is reserved before it starts; ending one early returns nothing.
 *
 * <p>Sums are exact in the decimal numbers as written, so that ten times 0.1 is 1.
 *
 * <p>Immutable: {@link #reserve} returns the reservations with one more.
 *
 * @param totalEpsilon positive and finite
 * @param totalDelta in [1e-100, 1)
 * @param phases what was reserved, in order; sums to at most the total
 */
public record PhaseReservations(double totalEpsilon, double totalDelta, List<Phase> phases) {

  /**
   * What one phase may spend.
   *
   * @param epsilon positive and finite
   * @param delta in [1e-100, 1)
   */
  public record Phase(double epsilon, double delta) {
    public Phase {
      Arguments.positiveEpsilon(epsilon);
      Arguments.delta(delta);
    }
  }

  public PhaseReservations {
    Arguments.positiveEpsilon(totalEpsilon);
    Arguments.delta(totalDelta);
    phases = List.copyOf(phases);
    BigDecimal epsilon = remaining(totalEpsilon, phases.stream().map(Phase::epsilon).toList());
    BigDecimal delta = remaining(totalDelta, phases.stream().map(Phase::delta).toList());
    if (epsilon.signum() < 0 || delta.signum() < 0) {
      throw new IllegalArgumentException(
          "the phases reserve more than the total: epsilon "
              + totalEpsilon
              + " would be exceeded by "
              + epsilon.negate().max(BigDecimal.ZERO)
              + ", delta "
              + totalDelta
              + " by "
              + delta.negate().max(BigDecimal.ZERO)
              + "; reserve less or raise the total");
    }
  }

  /** A total of which nothing is reserved yet. */
  public static PhaseReservations of(double totalEpsilon, double totalDelta) {
    return new PhaseReservations(totalEpsilon, totalDelta, List.of());
  }

  /**
   * With one more phase.
   *
   * @throws IllegalArgumentException if that exceeds the total
   */
  public PhaseReservations reserve(double epsilon, double delta) {
    List<Phase> more = new ArrayList<>(phases);
    more.add(new Phase(epsilon, delta));
    return new PhaseReservations(totalEpsilon, totalDelta, more);
  }

  /** The ε that is not reserved, at least 0. */
  public double remainingEpsilon() {
    return remaining(totalEpsilon, phases.stream().map(Phase::epsilon).toList()).doubleValue();
  }

  /** The δ that is not reserved, at least 0. */
  public double remainingDelta() {
    return remaining(totalDelta, phases.stream().map(Phase::delta).toList()).doubleValue();
  }

  private static BigDecimal remaining(double total, List<Double> parts) {
    return parts.stream()
        .map(BigDecimal::valueOf)
        .reduce(BigDecimal.valueOf(total), BigDecimal::subtract);
  }
}
