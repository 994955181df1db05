package io.murmuration.contribution;

import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.Objects;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * What due ticks are drawn with: who has one, and the probability of heads per tick.
 *
 * <p>A due tick is the tick of its owner's next heads in a sequence of independent coins with this
 * probability, one a tick. Because the geometric distribution has no memory, an owner whose due
 * tick is redrawn after every heads, and only then, takes part in each tick independently with
 * exactly this probability. Records of the same sampler and probability are equal; a due tick drawn
 * with one must never be used under another.
 *
 * @param sampler ULS: each user has a due tick; ELS: each example has one
 * @param probability q or p, in (0, 1]
 */
public record SamplingSchedule(Sampler sampler, double probability) {

  /** The latest due tick. Later than any real one, and no timer overflows on it. */
  public static final long LAST_TICK = Long.MAX_VALUE - 1;

  public SamplingSchedule {
    Objects.requireNonNull(sampler, "sampler");
    if (!(probability > 0 && probability <= 1)) {
      throw new IllegalArgumentException(
          "the sampling probability must be in (0, 1] but is " + probability);
    }
  }

  /**
   * The schedule of a granted mechanism. Where users take turns, coins are thrown at every tick,
   * and count in rounds of the user's turn alone: their probability is that of such a round.
   */
  public static SamplingSchedule of(RoundMechanism mechanism) {
    return new SamplingSchedule(mechanism.sampler(), mechanism.probabilityInTurn());
  }

  /**
   * The tick of the next heads after {@code closedTick}.
   *
   * @param closedTick the last tick whose coin is already thrown, −1 or later
   * @return {@code closedTick} + Geometric(probability) on {1, 2, …}, at most {@link #LAST_TICK}
   */
  public long nextAfter(long closedTick, UniformRandomProvider random) {
    long wait = geometric(random);
    return wait > LAST_TICK - closedTick ? LAST_TICK : closedTick + wait;
  }

  /**
   * Number of coins up to and including the first heads, by inversion: with U uniform on (0, 1],
   * ⌊ln U / ln(1 − q)⌋ + 1 exceeds k iff U ≤ (1 − q)ᵏ.
   */
  private long geometric(UniformRandomProvider random) {
    if (probability == 1) {
      return 1;
    }
    double uniform = ((random.nextLong() >>> 11) + 1) * 0x1p-53;
    double tails = Math.floor(Math.log(uniform) / Math.log1p(-probability));
    return tails >= LAST_TICK ? LAST_TICK : (long) tails + 1;
  }
}
