package io.murmuration.planning;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * Populations of which the optimal bound is known, because a², b² and the counts are.
 *
 * <p>An example's gradient is μ + τ·Z/√d with Z ~ N(0, I_d), the length of μ and τ being the
 * user's.
 *
 * @param users everybody
 * @param truth a² and b² of everybody but whales
 */
public record SyntheticPopulation(List<User> users, FittedNorms truth) {

  /** d: the dimensions a gradient has. */
  private static final int DIMENSIONS = 32;

  /**
   * One user.
   *
   * @param examples c ≥ 1
   * @param common ‖μ‖
   * @param spread τ
   */
  public record User(int examples, double common, double spread) {

    /** The norm of the mean gradient over min(c, G) examples, drawn from its exact law. */
    public double meanGradientNorm(int groupSize, RandomGenerator random) {
      double deviation = spread / Math.sqrt(DIMENSIONS * (double) Math.min(examples, groupSize));
      double along = common + deviation * random.nextGaussian();
      double square = along * along;
      for (int i = 1; i < DIMENSIONS; i++) {
        double across = deviation * random.nextGaussian();
        square += across * across;
      }
      return Math.sqrt(square);
    }
  }

  /** All users alike: each has the same number of examples, and they all say the same. */
  public static SyntheticPopulation alike(int users, int examples) {
    return of(users, examples, FittedNorms.ofDiversity(/* exampleNorm= */ 1, /* diversity= */ 0));
  }

  /** Users diverse: a user's examples have little in common. */
  public static SyntheticPopulation diverse(int users, int examples, double diversity) {
    return of(users, examples, FittedNorms.ofDiversity(/* exampleNorm= */ 1, diversity));
  }

  /** The same, and one more user with very many examples and very large gradients. */
  public SyntheticPopulation andOneWhale(int examples, double norm) {
    List<User> all = new ArrayList<>(users);
    all.add(new User(examples, norm, /* spread= */ 0));
    return new SyntheticPopulation(List.copyOf(all), truth);
  }

  private static SyntheticPopulation of(int users, int examples, FittedNorms truth) {
    User user =
        new User(examples, Math.sqrt(truth.meanSquare()), Math.sqrt(truth.varianceSquare()));
    return new SyntheticPopulation(Collections.nCopies(users, user), truth);
  }

  /** How many examples everybody has. */
  public CountDistribution counts() {
    return CountDistribution.ofCounts(users.stream().mapToInt(User::examples));
  }

  /** The median norm at each bound, over all users. */
  public List<NormMeasurement> medianNorms(List<Integer> groupSizes, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    return groupSizes.stream()
        .map(
            groupSize -> {
              double[] norms =
                  users.stream()
                      .mapToDouble(user -> user.meanGradientNorm(groupSize, random))
                      .sorted()
                      .toArray();
              return new NormMeasurement(groupSize, norms[norms.length / 2]);
            })
        .toList();
  }
}
