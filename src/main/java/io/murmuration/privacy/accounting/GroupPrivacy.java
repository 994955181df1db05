package io.murmuration.privacy.accounting;

/**
 * What an example-level guarantee is worth for a user with G examples by black-box group privacy:
 * if one example costs (ε, δ), then G cost (Gε, δ·(exp(Gε) − 1)/(exp(ε) − 1)) (Vadhan, The
 * Complexity of Differential Privacy, Lemma 2.2). This is what the tight accountant of {@link
 * MixtureOfGaussians} spares.
 */
public final class GroupPrivacy {

  /**
   * The ε from which on exp(ε) leaves the range of double precision, and any guarantee is vacuous.
   */
  static final double VACUOUS_EPSILON = 500;

  private final PldAccountant accountant;

  /** Uses an accountant for the example-level cost. */
  public GroupPrivacy(PldAccountant accountant) {
    this.accountant = accountant;
  }

  /**
   * The smallest user-level ε, within 1e-4, that group privacy gives after so many rounds; infinite
   * where it is above 500 and so vacuous.
   */
  public double epsilon(MixtureOfGaussians mechanism, long rounds, double delta) {
    Arguments.rounds(rounds, 1);
    Arguments.delta(delta);
    // Group privacy is never tighter than the exact cost, and its slack need not be monotone: go
    // up.
    double low = accountant.epsilon(mechanism, rounds, delta);
    double high = low;
    while (!guarantees(mechanism, rounds, high, delta)) {
      low = high;
      high = Math.max(1.15 * high, 1e-6);
      if (high > VACUOUS_EPSILON) {
        return Double.POSITIVE_INFINITY;
      }
    }
    while (high - low > 1e-4 * high) {
      double middle = 0.5 * (low + high);
      if (guarantees(mechanism, rounds, middle, delta)) {
        high = middle;
      } else {
        low = middle;
      }
    }
    return high;
  }

  /**
   * The smallest noise multiplier, within 1e-5 above, at which group privacy gives (ε, δ) after so
   * many rounds; infinite if ε is above 500 or no accepted noise multiplier is enough.
   */
  public double noiseMultiplier(
      MixtureOfGaussians mechanism, long rounds, double epsilon, double delta) {
    Arguments.rounds(rounds, 1);
    Arguments.positiveEpsilon(epsilon);
    Arguments.delta(delta);
    int group = mechanism.groupSize();
    double exampleDelta = exampleDelta(group, epsilon, delta);
    if (epsilon > VACUOUS_EPSILON || exampleDelta < Arguments.MIN_DELTA) {
      return Double.POSITIVE_INFINITY;
    }
    Mechanism example = Mechanism.uls(mechanism.samplingProbability(), mechanism.noiseMultiplier());
    return new NoiseCalibration(accountant)
        .noiseMultiplier(example, rounds, epsilon / group, exampleDelta);
  }

  private boolean guarantees(
      MixtureOfGaussians mechanism, long rounds, double epsilon, double delta) {
    int group = mechanism.groupSize();
    double needed = exampleDelta(group, epsilon, delta);
    if (needed < Arguments.MIN_DELTA) {
      return false;
    }
    Mechanism example = Mechanism.uls(mechanism.samplingProbability(), mechanism.noiseMultiplier());
    return accountant.epsilon(example, rounds, needed) <= epsilon / group;
  }

  /** The δ that one example may cost so that G cost (ε, δ). */
  private static double exampleDelta(int group, double epsilon, double delta) {
    double each = epsilon / group;
    return each > 0 ? delta * Math.expm1(each) / Math.expm1(epsilon) : delta / group;
  }
}
