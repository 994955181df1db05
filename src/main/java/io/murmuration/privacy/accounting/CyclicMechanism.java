package io.murmuration.privacy.accounting;

/**
 * A mechanism in whose rounds users take turns: each user can take part in every b-th round only,
 * and what is released of b rounds on end costs a user one {@link #participation} (arXiv
 * 2306.08153, whose noise is correlated over b rounds). So T rounds cost what ⌈T/b⌉ participations
 * cost: {@link #participations} is the one place that says so, and whatever counts rounds in this
 * package counts by it. A cycle that has begun costs as a whole one.
 *
 * @param participation what one round is for a user whose turn it is; not cyclic itself
 * @param bands b, in [2, {@link #MAX_BANDS}]
 */
public record CyclicMechanism(Mechanism participation, int bands) implements Mechanism {

  /** The most bands that are accepted. */
  public static final int MAX_BANDS = 64;

  public CyclicMechanism {
    if (participation instanceof CyclicMechanism) {
      throw new IllegalArgumentException(
          "what users take turns in must not be cyclic itself but is " + participation);
    }
    Arguments.inRange("bands", bands, 2, MAX_BANDS);
  }

  @Override
  public double noiseMultiplier() {
    return participation.noiseMultiplier();
  }

  /** That of a user whose turn it is. */
  @Override
  public double samplingProbability() {
    return participation.samplingProbability();
  }

  @Override
  public int maxUnitsPerUser() {
    return participation.maxUnitsPerUser();
  }

  @Override
  public CyclicMechanism withNoiseMultiplier(double noiseMultiplier) {
    return new CyclicMechanism(participation.withNoiseMultiplier(noiseMultiplier), bands);
  }

  @Override
  public long participations(long rounds) {
    return rounds / bands + (rounds % bands == 0 ? 0 : 1);
  }

  @Override
  public long roundsOf(long participations) {
    return Math.multiplyExact(participations, bands);
  }
}
