package io.murmuration.training;

import io.murmuration.contribution.SubsetSampling;
import io.murmuration.event.Example;
import io.murmuration.planning.NormMeasurement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * Norms of the mean of one user's gradients over so many of the user's examples, before clipping:
 * the ‖v‖ that a clip norm is compared with. Each example weighs what the engine says it does.
 *
 * <p>Each example's gradient is computed once and enters the means of all bounds, which are of the
 * same model and nested: the mean over G examples holds those of the mean over G − 1. A mean over
 * fewer than G examples is over what there is, as in training. An exact function of the user's
 * data: inside the trust boundary.
 */
public final class MeanGradientNorms {

  private final GradientEngine engine;
  private final float[] parameters;

  /** Measures at the engine's public starting point. Does not own the engine. */
  public MeanGradientNorms(GradientEngine engine) {
    this.engine = engine;
    this.parameters = engine.initialParameters();
  }

  /**
   * The norms of one user.
   *
   * @param examples in random order, so that the first G are a uniform sample of G
   * @param groupSizes each ≥ 1, in any order
   * @return in the order of the group sizes; empty where none of the first G examples has anything
   *     to train on. An example without, or one that fails, is left out of the means
   */
  public List<OptionalDouble> of(List<Example> examples, List<Integer> groupSizes) {
    int largest = groupSizes.stream().mapToInt(Integer::intValue).max().orElse(0);
    int used = Math.min(largest, examples.size());
    double[] sum = new double[engine.layout().size()];
    OptionalDouble[] byCount = new OptionalDouble[used + 1];
    byCount[0] = OptionalDouble.empty();
    double weights = 0;
    for (int i = 0; i < used; i++) {
      Example example = examples.get(i);
      Optional<double[]> one = engine.gradient(parameters, new PrivacySlice(List.of(example)));
      double weight = one.isPresent() ? engine.weight(example) : 0;
      weights += weight;
      double square = 0;
      for (int j = 0; j < sum.length; j++) {
        sum[j] += one.isPresent() ? weight * one.get()[j] : 0;
        square += sum[j] * sum[j];
      }
      byCount[i + 1] =
          weights == 0 ? OptionalDouble.empty() : OptionalDouble.of(Math.sqrt(square) / weights);
    }
    return groupSizes.stream().map(g -> byCount[Math.min(g, used)]).toList();
  }

  /**
   * C(G) over a sample of users: the median of their norms at each bound.
   *
   * @param users each with the user's examples, in any order
   * @param sample how many users are looked at, at most; drawn uniformly, like their examples
   * @param groupSizes each ≥ 1
   * @throws IllegalArgumentException if no user of the sample has an example to train on
   */
  public List<NormMeasurement> medians(
      List<List<Example>> users,
      int sample,
      List<Integer> groupSizes,
      UniformRandomProvider random) {
    List<List<OptionalDouble>> norms = new ArrayList<>();
    for (int user : SubsetSampling.draw(upTo(users.size()), sample, random)) {
      List<Example> examples = users.get(user);
      int[] order = SubsetSampling.draw(upTo(examples.size()), examples.size(), random);
      norms.add(of(IntStream.of(order).mapToObj(examples::get).toList(), groupSizes));
    }
    return IntStream.range(0, groupSizes.size())
        .mapToObj(
            column ->
                new NormMeasurement(
                    groupSizes.get(column),
                    median(
                        norms.stream().flatMapToDouble(row -> row.get(column).stream()).toArray())))
        .toList();
  }

  private static int[] upTo(int size) {
    return IntStream.range(0, size).toArray();
  }

  /**
   * The median of norms of users, and thereby what C(G) is set to: half of the users are clipped.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static double median(double[] norms) {
    if (norms.length == 0) {
      throw new IllegalArgumentException(
          "no user has an example to measure a gradient of: give more users, or longer texts");
    }
    double[] sorted = norms.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
