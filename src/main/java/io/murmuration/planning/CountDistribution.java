package io.murmuration.planning;

import java.util.Map;
import java.util.NavigableMap;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * How many examples users have. Users without any are not part of it.
 *
 * <p>Immutable. As private as the counts it was made from.
 */
public final class CountDistribution {

  /** Quantiles between which the distribution is cut when it is known by few of them. */
  private static final int QUANTILE_STEPS = 10_000;

  /** What a count that should be whole may be above it. */
  private static final double ROUNDING = 1e-9;

  private final NavigableMap<Integer, Double> weights;
  private final double total;

  private CountDistribution(NavigableMap<Integer, Double> weights) {
    this.weights = weights;
    this.total = weights.values().stream().mapToDouble(Double::doubleValue).sum();
  }

  /**
   * Makes one from a histogram.
   *
   * @param weights examples per user, ≥ 1, to how many users have so many or to their share; finite
   *     and not negative, not all zero
   */
  public static CountDistribution ofWeights(Map<Integer, Double> weights) {
    NavigableMap<Integer, Double> kept = new TreeMap<>();
    weights.forEach(
        (count, weight) -> {
          if (count < 1) {
            throw new IllegalArgumentException(
                "counts must be at least 1 example a user but one is " + count);
          }
          if (!(weight >= 0 && weight < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                "the weight of count %d must be finite and not negative but is %s"
                    .formatted(count, weight));
          }
          if (weight > 0) {
            kept.put(count, weight);
          }
        });
    if (kept.isEmpty()) {
      throw new IllegalArgumentException("at least one count must have a positive weight");
    }
    return new CountDistribution(kept);
  }

  /** Makes one from the count of each user. */
  public static CountDistribution ofCounts(IntStream counts) {
    Map<Integer, Double> weights = new TreeMap<>();
    counts.forEach(count -> weights.merge(count, 1.0, Double::sum));
    return ofWeights(weights);
  }

  /**
   * Makes one from a few quantiles, log-linear in between; below the first, everybody has that
   * many.
   *
   * @param quantiles shares of users in (0, 1] to the examples that no more than so many have; with
   *     one for 1, the largest count
   */
  public static CountDistribution ofQuantiles(SortedMap<Double, Integer> quantiles) {
    NavigableMap<Double, Integer> known = new TreeMap<>(quantiles);
    int previous = 1;
    for (Map.Entry<Double, Integer> entry : known.entrySet()) {
      if (!(entry.getKey() > 0 && entry.getKey() <= 1) || entry.getValue() < previous) {
        throw new IllegalArgumentException(
            "quantiles must have shares in (0, 1] and counts from 1 that do not fall but are "
                + known);
      }
      previous = entry.getValue();
    }
    if (!known.containsKey(1.0)) {
      throw new IllegalArgumentException(
          "the quantile 1, the largest count, is required but given are only " + known);
    }
    Map<Integer, Double> weights = new TreeMap<>();
    for (int step = 0; step < QUANTILE_STEPS; step++) {
      weights.merge(interpolate(known, (step + 0.5) / QUANTILE_STEPS), 1.0, Double::sum);
    }
    return ofWeights(weights);
  }

  private static int interpolate(NavigableMap<Double, Integer> known, double share) {
    Map.Entry<Double, Integer> above = known.ceilingEntry(share);
    Map.Entry<Double, Integer> below = known.lowerEntry(share);
    if (below == null) {
      return above.getValue();
    }
    double between = (share - below.getKey()) / (above.getKey() - below.getKey());
    double low = Math.log(below.getValue());
    double count = Math.exp(low + between * (Math.log(above.getValue()) - low));
    return (int) Math.ceil(count * (1 - ROUNDING));
  }

  /** The smallest count that at least half of the users do not exceed. */
  public int median() {
    return quantile(0.5);
  }

  /**
   * The smallest count that at least this share of the users do not exceed.
   *
   * @param share in (0, 1]
   */
  public int quantile(double share) {
    if (!(share > 0 && share <= 1)) {
      throw new IllegalArgumentException("a quantile's share must be in (0, 1] but is " + share);
    }
    double sum = 0;
    for (Map.Entry<Integer, Double> entry : weights.entrySet()) {
      sum += entry.getValue();
      if (sum >= share * total) {
        return entry.getKey();
      }
    }
    return largest();
  }

  /** The bound that every user satisfies. */
  public int largest() {
    return weights.lastKey();
  }

  /** The mean over users of min(c, G): how many examples a user keeps in the pool on average. */
  public double meanKept(int groupSize) {
    return mean(count -> Math.min(count, groupSize), groupSize);
  }

  /** What the bound keeps of the data. */
  public DataKept kept(int groupSize) {
    double mean = mean(count -> count, groupSize);
    return new DataKept(
        meanKept(groupSize) / mean,
        mean(count -> Math.min(1, groupSize / (double) count), groupSize),
        mean(count -> count <= groupSize ? 1 : 0, groupSize));
  }

  private interface OfCount {
    double value(int count);
  }

  private double mean(OfCount of, int groupSize) {
    if (groupSize < 1) {
      throw new IllegalArgumentException("group size must be at least 1 but is " + groupSize);
    }
    double sum = 0;
    for (Map.Entry<Integer, Double> entry : weights.entrySet()) {
      sum += entry.getValue() * of.value(entry.getKey());
    }
    return sum / total;
  }
}
