package io.murmuration.training;

import io.murmuration.event.Example;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A plain engine: a slice's gradient pulls the parameters towards a point made from its texts, and
 * a text of "NaN" has no finite gradient.
 */
public final class QuadraticEngine implements GradientEngine {

  private final int size;
  final List<Integer> cohortSizes = new ArrayList<>();

  public QuadraticEngine(int size) {
    this.size = size;
  }

  static PrivacySlice slice(String... texts) {
    return new PrivacySlice(Arrays.stream(texts).map(text -> new Example(null, text)).toList());
  }

  /** Where a text pulls every parameter, 1 to 7. */
  static double target(String text) {
    return 1 + Math.floorMod(text.hashCode(), 7);
  }

  @Override
  public ParameterLayout layout() {
    return ParameterLayout.of(List.of("weight"), List.of(new long[] {size}));
  }

  @Override
  public float[] initialParameters() {
    return new float[size];
  }

  @Override
  public ClippedSum clippedSum(float[] parameters, List<PrivacySlice> slices, double clipNorm) {
    cohortSizes.add(slices.size());
    double[] sum = new double[size];
    long clipped = 0;
    long zeroed = 0;
    double centredBits = 0;
    for (PrivacySlice slice : slices) {
      double[] gradient = gradient(parameters, slice);
      double norm = norm(gradient);
      if (!Double.isFinite(norm)) {
        zeroed++;
        continue;
      }
      double scale = Math.min(1, clipNorm / norm);
      clipped += scale < 1 ? 1 : 0;
      centredBits += SliceClipping.unclippedBit(scale) - 0.5;
      for (int i = 0; i < size; i++) {
        sum[i] += scale * gradient[i];
      }
    }
    return new ClippedSum(
        sum, clipNorm, slices.size(), clipped, zeroed, slices.size(), centredBits, 0);
  }

  @Override
  public double[] norms(float[] parameters, List<PrivacySlice> slices) {
    return slices.stream()
        .mapToDouble(slice -> norm(gradient(parameters, slice)))
        .filter(Double::isFinite)
        .toArray();
  }

  private double[] gradient(float[] parameters, PrivacySlice slice) {
    double[] gradient = new double[size];
    for (Example example : slice.examples()) {
      double target = example.text().equals("NaN") ? Double.NaN : target(example.text());
      for (int i = 0; i < size; i++) {
        gradient[i] += (parameters[i] - target) / slice.examples().size();
      }
    }
    return gradient;
  }

  private static double norm(double[] gradient) {
    return Math.sqrt(Arrays.stream(gradient).map(x -> x * x).sum());
  }

  @Override
  public void close() {}
}
