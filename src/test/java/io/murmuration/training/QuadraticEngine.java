package io.murmuration.training;

import io.murmuration.event.Example;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A plain engine: a slice's gradient pulls the parameters towards a point made from its texts, and
 * a text of "NaN" has no finite gradient.
 */
public class QuadraticEngine implements GradientEngine {

  private final int size;
  final List<Integer> cohortSizes = new ArrayList<>();

  public QuadraticEngine(int size) {
    this.size = size;
  }

  static PrivacySlice slice(String... texts) {
    return new PrivacySlice(Arrays.stream(texts).map(text -> new Example(null, text)).toList());
  }

  /** The value towards which a text pulls every parameter, 1 to 7. */
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
  public ClippedSum clippedSum(float[] parameters, List<PrivacySlice> slices, RoundGrid grid) {
    cohortSizes.add(slices.size());
    ClippedAccumulator sum = new ClippedAccumulator(size, grid);
    List<double[]> gradients = slices.stream().map(slice -> unchecked(parameters, slice)).toList();
    sum.add(
        SliceGradients.of(gradients),
        gradients.stream().mapToDouble(gradient -> Math.pow(norm(gradient), 2)).toArray(),
        gradients.stream().map(gradient -> new Trained(/* tokens= */ 1, /* loss= */ 0)).toList());
    return sum.result();
  }

  @Override
  public double[] norms(float[] parameters, List<PrivacySlice> slices) {
    return slices.stream()
        .mapToDouble(slice -> norm(unchecked(parameters, slice)))
        .filter(Double::isFinite)
        .toArray();
  }

  @Override
  public Optional<double[]> gradient(float[] parameters, PrivacySlice slice) {
    cohortSizes.add(1);
    return Optional.of(unchecked(parameters, slice))
        .filter(gradient -> Double.isFinite(norm(gradient)));
  }

  private double[] unchecked(float[] parameters, PrivacySlice slice) {
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
