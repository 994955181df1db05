package io.murmuration.training;

import io.murmuration.event.Example;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * An engine for audits: a text names a coordinate and the norm of its gradient in units of the clip
 * norm, and the gradient is that long and along that coordinate alone. So a canary's part in a
 * noisy sum stands apart from everybody else's, and coordinates that no text names hold noise
 * alone.
 *
 * <p>Clipping and summing are those of the real engine.
 */
public final class CanaryEngine implements GradientEngine {

  private final int size;
  private final boolean clipping;
  private final Consumer<List<PrivacySlice>> witness;

  /** An engine over so many coordinates. */
  public CanaryEngine(int size) {
    this(size, /* clipping= */ true, slices -> {});
  }

  /**
   * The same.
   *
   * @param clipping false plants a fault: gradients enter the sum as they are
   * @param witness is shown all that is summed up
   */
  public CanaryEngine(int size, boolean clipping, Consumer<List<PrivacySlice>> witness) {
    this.size = size;
    this.clipping = clipping;
    this.witness = witness;
  }

  /** The text of an example. */
  public static String text(int coordinate, double norm) {
    return coordinate + " " + norm;
  }

  /** The coordinate that an example's text names. */
  public static int coordinate(String text) {
    return Integer.parseInt(text.split(" ")[0]);
  }

  @Override
  public ParameterLayout layout() {
    return ParameterLayout.of(List.of("coordinates"), List.of(new long[] {size}));
  }

  @Override
  public float[] initialParameters() {
    return new float[size];
  }

  @Override
  public ClippedSum clippedSum(float[] parameters, List<PrivacySlice> slices, RoundGrid grid) {
    witness.accept(slices);
    List<Map<Integer, Double>> gradients =
        slices.stream().map(slice -> meanGradient(slice, grid.clipNorm())).toList();
    if (!clipping) {
      return unclipped(gradients, grid);
    }
    ClippedAccumulator sum = new ClippedAccumulator(size, grid);
    sum.add(
        sparse(gradients),
        gradients.stream().mapToDouble(CanaryEngine::squaredNorm).toArray(),
        slices.stream().map(s -> new Trained(s.examples().size(), /* loss= */ 0)).toList());
    return sum.result();
  }

  private static SliceGradients sparse(List<Map<Integer, Double>> gradients) {
    return new SliceGradients() {
      @Override
      public int slices() {
        return gradients.size();
      }

      @Override
      public void read(int slice, int offset, int length, double[] target) {
        Arrays.fill(target, 0, length, 0);
        gradients
            .get(slice)
            .forEach(
                (coordinate, value) -> {
                  if (coordinate >= offset && coordinate < offset + length) {
                    target[coordinate - offset] = value;
                  }
                });
      }
    };
  }

  /** Neither clipped nor held to the grid's bound. */
  private ClippedSum unclipped(List<Map<Integer, Double>> gradients, RoundGrid grid) {
    long[] sum = new long[size];
    for (Map<Integer, Double> gradient : gradients) {
      gradient.forEach((coordinate, value) -> sum[coordinate] += grid.sum().towardsZero(value));
    }
    return new ClippedSum(
        sum,
        grid,
        gradients.size(),
        /* clipped= */ 0,
        /* zeroed= */ 0,
        /* tokens= */ 0,
        /* centredBits= */ 0,
        /* lossSum= */ 0);
  }

  @Override
  public double[] norms(float[] parameters, List<PrivacySlice> slices) {
    return slices.stream()
        .mapToDouble(slice -> Math.sqrt(squaredNorm(meanGradient(slice, /* clipNorm= */ 1))))
        .toArray();
  }

  @Override
  public Optional<double[]> gradient(float[] parameters, PrivacySlice slice) {
    double[] dense = new double[size];
    meanGradient(slice, /* clipNorm= */ 1).forEach((i, value) -> dense[i] = value);
    return Optional.of(dense);
  }

  private static Map<Integer, Double> meanGradient(PrivacySlice slice, double clipNorm) {
    Map<Integer, Double> mean = new TreeMap<>();
    for (Example example : slice.examples()) {
      String[] words = example.text().split(" ");
      mean.merge(
          coordinate(example.text()),
          Double.parseDouble(words[1]) * clipNorm / slice.examples().size(),
          Double::sum);
    }
    return mean;
  }

  private static double squaredNorm(Map<Integer, Double> gradient) {
    return gradient.values().stream().mapToDouble(value -> value * value).sum();
  }

  @Override
  public void close() {}
}
