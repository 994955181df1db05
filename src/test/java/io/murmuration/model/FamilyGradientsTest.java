package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import io.murmuration.model.LoraConfig.Mode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Each slice's own gradient, of every tensor of every family. */
class FamilyGradientsTest {

  /** Long enough for every window, and ragged: the second slice is padded. */
  private static final List<List<TokenSequence>> SLICES =
      List.of(List.of(sequence(1, 13), sequence(2, 6)), List.of(sequence(3, 9)));

  /** A step of central differences in float64: its error is of the order of its square. */
  private static final double STEP = 1e-4;

  @TempDir Path directory;

  private static TokenSequence sequence(long seed, int length) {
    return new TokenSequence(
        new Random(seed).longs(length, 3, TinyModels.VOCABULARY).toArray(), /* firstTarget= */ 1);
  }

  /**
   * The derivative along a random direction within each tensor is that of the plain pass, by
   * central differences; a wrong gradient of a tensor is orthogonal to its difference from the
   * right one with probability 0.
   */
  @ParameterizedTest
  @FieldSource("io.murmuration.model.TinyModels#CONFIGURATIONS")
  void everyTensorsGradientIsTheSlopeOfThePlainPass(String fields) throws IOException {
    Path written = TinyModels.write(directory.resolve("model"), fields, 6);
    try (LanguageModel model = LanguageModel.load(written)) {
      AllParameters all = new AllParameters(model);
      Map<String, float[]> gradients = gradients(model, all, all.initialValues());
      PlainDecoder plain = new PlainDecoder(written);
      Random random = new Random(7);
      for (TensorSpec tensor : all.tensors()) {
        double[] direction = random.doubles(tensor.size(), -1, 1).toArray();
        for (int slice = 0; slice < SLICES.size(); slice++) {
          double slope =
              (loss(plain, tensor, direction, STEP, SLICES.get(slice))
                      - loss(plain, tensor, direction, -STEP, SLICES.get(slice)))
                  / (2 * STEP);
          double along = 0;
          double size = 0;
          for (int i = 0; i < direction.length; i++) {
            double entry = gradients.get(tensor.name())[slice * direction.length + i];
            along += direction[i] * entry;
            size += entry * entry;
          }
          assertThat(along)
              .as("%s of slice %d in %s", tensor.name(), slice, fields)
              .isCloseTo(slope, within(1e-5 + 1e-3 * Math.sqrt(size)));
        }
      }
    }
  }

  /** At B = 0 the gradient of B is scale · G · Aᵀ, where G is that of the adapted weight. */
  @ParameterizedTest
  @FieldSource("io.murmuration.model.TinyModels#FAMILIES")
  void anAdaptersGradientFollowsFromThatOfItsWeight(String fields) throws IOException {
    Path written = TinyModels.write(directory.resolve("model"), fields, 6);
    LoraConfig config = new LoraConfig(2, 4, List.of(LoraConfig.ALL_LINEAR), Mode.BOTH);
    try (LanguageModel model = LanguageModel.load(written);
        LoraParameters lora = LoraParameters.fresh(model, config)) {
      AllParameters all = new AllParameters(model);
      Map<String, float[]> ofWeights = gradients(model, all, all.initialValues());
      Map<String, float[]> ofFactors = gradients(model, lora, lora.initialValues());
      Map<String, float[]> factors = new HashMap<>();
      int offset = 0;
      for (TensorSpec tensor : lora.tensors()) {
        float[] values = new float[(int) tensor.size()];
        System.arraycopy(lora.initialValues(), offset, values, 0, values.length);
        factors.put(tensor.name(), values);
        offset += values.length;
      }
      assertThat(lora.tensors()).hasSize(2 * model.description().linears().size());
      for (DecoderDescription.Linear linear : model.description().linears()) {
        float[] a = factors.get(LoraParameters.nameOfA(linear));
        float[] weight = ofWeights.get(linear.weight());
        float[] b = ofFactors.get(LoraParameters.nameOfB(linear));
        for (int slice = 0; slice < SLICES.size(); slice++) {
          int first = slice * linear.in() * linear.out();
          for (int o = 0; o < linear.out(); o++) {
            for (int r = 0; r < 2; r++) {
              double expected = 0;
              for (int i = 0; i < linear.in(); i++) {
                int at = linear.fanInFanOut() ? i * linear.out() + o : o * linear.in() + i;
                expected += config.scale() * weight[first + at] * a[r * linear.in() + i];
              }
              assertThat((double) b[(slice * linear.out() + o) * 2 + r])
                  .as(linear.module())
                  .isCloseTo(expected, within(1e-5 + 1e-4 * Math.abs(expected)));
            }
          }
        }
      }
    }
  }

  /** Gradients by tensor, one slice after the other. */
  private static Map<String, float[]> gradients(
      LanguageModel model, TrainableParameters what, float[] values) {
    TokenBatch batch = new TokenBatch(SLICES);
    Map<String, float[]> gradients = new HashMap<>();
    try (Torch.GradMode off = Torch.withoutGradients();
        NDScope scope = new NDScope();
        NDManager manager = model.manager().newSubManager()) {
      scope.suppressNotUsedWarning();
      Map<String, NDArray> leaves = new HashMap<>();
      TextEvaluator.arrays(manager, what, values)
          .forEach(
              (name, array) -> {
                Shape expanded = new Shape(batch.slices()).addAll(array.getShape());
                NDArray leaf = array.expandDims(0).broadcast(expanded);
                leaf.setRequiresGradient(true);
                leaves.put(name, leaf);
              });
      model.backward(batch, what.bind(leaves), 1L << 30);
      leaves.forEach((name, leaf) -> gradients.put(name, Tensors.floats(leaf.getGradient())));
    }
    return gradients;
  }

  /** The mean over all targets, with one tensor moved. */
  private static double loss(
      PlainDecoder plain,
      TensorSpec tensor,
      double[] direction,
      double step,
      List<TokenSequence> slice) {
    double[] values = plain.tensors().get(tensor.name());
    double[] before = values.clone();
    for (int i = 0; i < values.length; i++) {
      values[i] += step * direction[i];
    }
    double sum = 0;
    int targets = slice.stream().mapToInt(TokenSequence::targets).sum();
    for (TokenSequence sequence : slice) {
      long[] ids = sequence.ids();
      double[][] logits = plain.logits(ids);
      for (int t = 1; t < ids.length; t++) {
        double total = 0;
        for (double logit : logits[t - 1]) {
          total += Math.exp(logit);
        }
        double nats = Math.log(total) - logits[t - 1][(int) ids[t]];
        sum += nats / targets;
      }
    }
    System.arraycopy(before, 0, values, 0, values.length);
    return sum;
  }
}
