package io.murmuration.release;

import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.List;

/** A round's mechanism as people read it: short phrases, every number in full. */
public final class MechanismInWords {

  private MechanismInWords() {}

  /** All of it in one line without a full stop. */
  public static String of(RoundMechanism mechanism) {
    return String.join("; ", phrases(mechanism));
  }

  /** What is sampled, what is summed, and the noise. */
  public static List<String> phrases(RoundMechanism mechanism) {
    return List.of(sampling(mechanism), query(mechanism), noise(mechanism));
  }

  /** What is sampled, how likely, and how much of one user. */
  public static String sampling(RoundMechanism mechanism) {
    String probability = Guarantee.number(mechanism.samplingProbability());
    int groupSize = mechanism.groupSize();
    String examples = groupSize == 1 ? "one example" : groupSize + " examples";
    return mechanism.sampler() == Sampler.ULS
        ? "each user with probability %s%s, at most %s of a user"
            .formatted(probability, inTurns(mechanism), examples)
        : "each example with probability %s%s, at most %s of a user in the pool"
            .formatted(probability, inTurns(mechanism), examples);
  }

  private static String inTurns(RoundMechanism mechanism) {
    return mechanism.bands() == 1
        ? ""
        : " over all rounds, %s in every %s that is the user's turn"
            .formatted(Guarantee.number(mechanism.probabilityInTurn()), ordinal(mechanism.bands()));
  }

  /** Which of so many rounds, such as 2nd or 8th. */
  static String ordinal(int bands) {
    int last = bands % 10;
    boolean regular = last < 1 || last > 3 || (bands / 10) % 10 == 1;
    return bands + (regular ? "th" : last == 1 ? "st" : last == 2 ? "nd" : "rd");
  }

  private static String query(RoundMechanism mechanism) {
    RoundQuery query = mechanism.query();
    if (query instanceof CountHistogram counts) {
      return "counted in %d bins of events a user, the last from %d"
          .formatted(counts.upperBounds().size(), lastBin(counts));
    }
    if (query instanceof NormHistograms norms) {
      return "norms of updates in %d bins from %s by factors of %s, at bounds %s"
          .formatted(
              norms.bins(),
              Guarantee.number(norms.smallestNorm()),
              Guarantee.number(norms.ratio()),
              norms.groupSizes());
    }
    String clipped =
        "updates clipped to %s and divided by %s"
            .formatted(
                Guarantee.number(mechanism.clipNorm()),
                Guarantee.number(mechanism.expectedUnits()));
    return mechanism
        .adaptiveClipping()
        .map(adaptive -> clipped + ", " + followed(adaptive))
        .orElse(clipped);
  }

  private static String followed(AdaptiveClipping adaptive) {
    return "where the clip norm follows the %s-quantile of norms at rate %s, counted with noise %s"
        .formatted(
            Guarantee.number(adaptive.quantile()),
            Guarantee.number(adaptive.rate()),
            Guarantee.number(adaptive.bitNoise()));
  }

  private static int lastBin(CountHistogram counts) {
    int bins = counts.upperBounds().size();
    return bins == 1 ? 1 : counts.upperBounds().get(bins - 2) + 1;
  }

  private static String noise(RoundMechanism mechanism) {
    return "noise multiplier "
        + Guarantee.number(mechanism.noiseMultiplier())
        + (mechanism.bands() == 1 ? "" : ", " + correlation(mechanism));
  }

  /** How noise is correlated, of a mechanism where it is. */
  public static String correlation(RoundMechanism mechanism) {
    return "noise correlated over %d rounds".formatted(mechanism.bands());
  }
}
