package io.murmuration.audit;

import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.noise.GridNoise;
import io.murmuration.privacy.noise.NoiseFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.LongFunction;

/**
 * Noise that something is wrong with, by how many rounds the attempt's restored state has executed.
 */
final class PlantedNoise {

  /** A round asks for the noise of its update and for that of its unclipped bits. */
  private static final int DRAWS_OF_A_ROUND = 2;

  /** The deviation of honest noise, in grid units. */
  private static final double DEVIATION = 0x1p24;

  private PlantedNoise() {}

  /** Too small, or too large, by a factor. */
  static LongFunction<NoiseFactory> scaled(double factor) {
    return executed ->
        () -> {
          GridNoise noise = NoiseFactory.forUpdates().create();
          return sums -> {
            long[] drawn = new long[sums.length];
            noise.addTo(drawn);
            for (int i = 0; i < sums.length; i++) {
              sums[i] += Math.round(factor * drawn[i]);
            }
          };
        };
  }

  /** None in every second round. */
  static LongFunction<NoiseFactory> everySecondRound() {
    return executed -> {
      int[] draws = {0};
      return () ->
          draws[0]++ / DRAWS_OF_A_ROUND % 2 == 0 ? NoiseFactory.forUpdates().create() : sums -> {};
    };
  }

  /** Each attempt begins its key stream anew. */
  static LongFunction<NoiseFactory> sameKeyInEveryAttempt(long key) {
    return executed -> drawn(key, /* from= */ 0);
  }

  /**
   * Noise that is drawn ahead and is part of state: what a restored attempt draws, another has
   * drawn.
   */
  static LongFunction<NoiseFactory> buffered(long key) {
    return executed -> drawn(key, executed * DRAWS_OF_A_ROUND);
  }

  /**
   * A memory of what was added that is part of state: noise of a restored attempt goes on from what
   * the attempt that was saved had added.
   */
  static LongFunction<NoiseFactory> remembered(CorrelatedNoise correlation) {
    Map<Long, List<long[]>> saved = new HashMap<>();
    return executed -> new Remembering(correlation, executed, saved);
  }

  /** White noise that makes a trainer without a memory add what one with it would. */
  private static final class Remembering implements NoiseFactory {
    private final List<Integer> numerators;
    private final Map<Long, List<long[]>> saved;
    private final List<long[]> stale;

    /** What this attempt has added, the newest first; the trainer knows it. */
    private final List<long[]> added = new ArrayList<>();

    private long executed;
    private long draws;
    private long[] adding = {};
    private int drawn;

    Remembering(CorrelatedNoise correlation, long executed, Map<Long, List<long[]>> saved) {
      this.numerators = correlation.numerators();
      this.executed = executed;
      this.saved = saved;
      this.stale = saved.getOrDefault(executed, List.of());
    }

    @Override
    public GridNoise create() {
      GridNoise real = NoiseFactory.forUpdates().create();
      if (draws++ % DRAWS_OF_A_ROUND == 1) {
        // the bits': the update's is over
        added.add(0, Arrays.copyOf(adding, drawn));
        List<long[]> all = new ArrayList<>(added);
        all.addAll(stale);
        saved.put(++executed, List.copyOf(all));
        return real;
      }
      adding = new long[1 << 14];
      drawn = 0;
      long[][] coarse = {null};
      return sums -> {
        long[] draw = new long[sums.length];
        real.addTo(draw);
        if (coarse[0] == null) {
          coarse[0] = draw;
          Arrays.setAll(sums, i -> sums[i] + draw[i]);
        } else {
          Arrays.setAll(sums, i -> sums[i] + draw[i] + add(drawn + i, coarse[0][i], draw[i]));
          coarse[0] = null;
          drawn += sums.length;
        }
      };
    }

    /** What is to be drawn beside, for what is added to be what it would with all of the past. */
    private long add(int i, long coarse, long between) {
      long stalePart = 0;
      long left = (coarse << CorrelatedNoise.FRACTION_BITS) + between;
      for (int lag = 1; lag < numerators.size(); lag++) {
        if (lag <= added.size()) {
          left -= numerators.get(lag) * added.get(lag - 1)[i];
        } else if (lag <= added.size() + stale.size()) {
          stalePart += numerators.get(lag) * stale.get(lag - added.size() - 1)[i];
        }
      }
      long first = numerators.get(0);
      adding[i] = Math.floorDiv(left - stalePart + first / 2, first);
      return -stalePart;
    }
  }

  private static NoiseFactory drawn(long key, long from) {
    long[] draws = {from};
    return () -> {
      SplittableRandom random = new SplittableRandom(key + draws[0]++);
      return sums -> {
        for (int i = 0; i < sums.length; i++) {
          sums[i] += Math.round(DEVIATION * random.nextGaussian());
        }
      };
    };
  }
}
