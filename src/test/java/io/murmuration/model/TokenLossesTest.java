package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import io.murmuration.model.LoraConfig.Mode;
import io.murmuration.model.TrainableParameters.Binding;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

class TokenLossesTest {

  private static final long WHOLE = 1L << 40;

  @TempDir Path directory;

  /** Ragged sequences, of which some have context. */
  private static TokenBatch batch() {
    Random random = new Random(5);
    return new TokenBatch(
        IntStream.range(0, 3)
            .mapToObj(
                slice ->
                    IntStream.range(0, 1 + slice)
                        .mapToObj(
                            i ->
                                new TokenSequence(
                                    random
                                        .longs(4 + 7 * slice + i, 3, TinyModels.VOCABULARY)
                                        .toArray(),
                                    1 + i))
                        .toList())
            .toList());
  }

  @ParameterizedTest
  @FieldSource("io.murmuration.model.TinyModels#FAMILIES")
  void piecesOfColumnsAndPositionsGiveTheLossesOfTheWhole(String family) throws IOException {
    try (LanguageModel model = model(family)) {
      TokenBatch batch = batch();
      float[] whole = model.losses(batch, model.base(), WHOLE).evaluate(batch.positions());
      assertThat(whole).hasSize(batch.targets());
      for (long pieceBytes : new long[] {1, 20_000}) {
        for (int width : new int[] {1, 4, batch.positions() - 1, batch.positions()}) {
          assertClose(model.losses(batch, model.base(), pieceBytes).evaluate(width), whole);
        }
      }
    }
  }

  /** One head for all slices. */
  @ParameterizedTest
  @FieldSource("io.murmuration.model.TinyModels#FAMILIES")
  void piecesGiveAnAdaptersGradientsOfTheWhole(String family) throws IOException {
    LoraConfig config = new LoraConfig(2, 4, List.of(LoraConfig.ALL_LINEAR), Mode.BOTH);
    try (LanguageModel model = model(family);
        TrainableParameters what = LoraParameters.fresh(model, config)) {
      assertPiecesGiveTheGradientsOfTheWhole(model, what);
    }
  }

  /** Each slice's own head. */
  @ParameterizedTest
  @FieldSource("io.murmuration.model.TinyModels#FAMILIES")
  void piecesGiveTheGradientsOfTheWhole(String family) throws IOException {
    try (LanguageModel model = model(family);
        TrainableParameters what = new AllParameters(model)) {
      assertPiecesGiveTheGradientsOfTheWhole(model, what);
    }
  }

  private static void assertPiecesGiveTheGradientsOfTheWhole(
      LanguageModel model, TrainableParameters what) {
    TokenBatch batch = batch();
    float[] wholeLosses = new float[batch.targets()];
    Map<String, float[]> whole = gradients(model, what, batch, WHOLE, wholeLosses);
    assertThat(whole.values()).allSatisfy(gradient -> assertThat(gradient).isNotEmpty());
    for (long pieceBytes : new long[] {1, 20_000}) {
      float[] losses = new float[batch.targets()];
      Map<String, float[]> gradients = gradients(model, what, batch, pieceBytes, losses);
      assertClose(losses, wholeLosses);
      gradients.forEach((name, gradient) -> assertClose(gradient, whole.get(name)));
    }
  }

  private static Map<String, float[]> gradients(
      LanguageModel model,
      TrainableParameters what,
      TokenBatch batch,
      long pieceBytes,
      float[] losses) {
    Map<String, float[]> gradients = new HashMap<>();
    try (Torch.GradMode off = Torch.withoutGradients();
        NDScope scope = new NDScope();
        NDManager manager = model.manager().newSubManager()) {
      scope.suppressNotUsedWarning();
      Map<String, NDArray> leaves = new HashMap<>();
      Random random = new Random(1);
      float[] values = what.initialValues();
      for (int i = 0; i < values.length; i++) {
        values[i] += (float) (0.1 * random.nextGaussian());
      }
      TextEvaluator.arrays(manager, what, values)
          .forEach(
              (name, array) -> {
                Shape expanded = new Shape(batch.slices()).addAll(array.getShape());
                NDArray leaf = array.expandDims(0).broadcast(expanded);
                leaf.setRequiresGradient(true);
                leaves.put(name, leaf);
              });
      Binding binding = what.bind(leaves);
      float[] found = model.losses(batch, binding, pieceBytes).backward();
      System.arraycopy(found, 0, losses, 0, found.length);
      leaves.forEach((name, leaf) -> gradients.put(name, Tensors.floats(leaf.getGradient())));
    }
    return gradients;
  }

  /** Whatever the depth, only the result and the constants of a pass live on. */
  @Test
  void aPassLeavesNoIntermediateResults() throws IOException {
    int shallow = arraysAfterAPass(TinyModels.LLAMA3);
    int deep =
        arraysAfterAPass(
            TinyModels.LLAMA3.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 6"));
    assertThat(deep).isEqualTo(shallow).isLessThan(15);
  }

  private int arraysAfterAPass(String family) throws IOException {
    try (LanguageModel model = model(family);
        Torch.GradMode off = Torch.withoutGradients();
        NDScope scope = new NDScope();
        NDManager step = model.manager().newSubManager()) {
      scope.suppressNotUsedWarning();
      NDArray ids = Tensors.longs(step, new long[] {1, 5, 6, 7}, 1, 1, 4);
      model.decoder().hidden(step, ids, model.base().parameters(), new int[] {4});
      return model.manager().getManagedArrays().size(); // of the step too
    }
  }

  private LanguageModel model(String family) throws IOException {
    return LanguageModel.load(
        TinyModels.write(directory.resolve("tiny" + family.hashCode()), family, /* seed= */ 3));
  }

  private static void assertClose(float[] actual, float[] expected) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < actual.length; i++) {
      assertThat(actual[i]).isCloseTo(expected[i], within(2e-5f + 1e-4f * Math.abs(expected[i])));
    }
  }
}
