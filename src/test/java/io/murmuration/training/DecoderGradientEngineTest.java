package io.murmuration.training;

import static io.murmuration.training.Grids.values;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.awaitility.Awaitility.await;

import ai.djl.ndarray.NDArray;
import io.murmuration.event.Example;
import io.murmuration.model.AllParameters;
import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.LoraConfig.Mode;
import io.murmuration.model.LoraParameters;
import io.murmuration.model.SharedModels;
import io.murmuration.model.TensorSpec;
import io.murmuration.model.TextEvaluator;
import io.murmuration.model.TextLoss;
import io.murmuration.model.TinyModels;
import io.murmuration.model.TrainableParameters;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

class DecoderGradientEngineTest {

  private static final EngineOptions OPTIONS = EngineOptions.ofMaxTokens(48);

  /** Different numbers and lengths of examples, one with a prompt, one repeated user. */
  private static final List<PrivacySlice> RAGGED =
      List.of(
          slice("how do i mount an ntfs partition?"),
          slice(
              "hi", "once upon a time there was a little girl named Lily who loved to play", "ok"),
          slice("a"),
          new PrivacySlice(
              List.of(
                  new Example("what is it?", "a \"kernel module\", I think"),
                  new Example(null, "thanks"))),
          slice("try sudo apt-get update first", "then reboot"),
          slice("Zoë said: 🐱 — ran  away.\nThe café is open!"));

  private LanguageModel model;

  @BeforeEach
  void load() throws IOException {
    model = SharedModels.load("stories260K");
  }

  @AfterEach
  void close() {
    if (model != null) {
      model.close();
    }
  }

  @ParameterizedTest
  @EnumSource(Mode.class)
  void raggedSlicesInOnePassEqualSeparatePasses(Mode mode) {
    LoraParameters lora = lora(mode);
    assertOnePassEqualsSeparatePasses(lora, perturbed(lora.initialValues()));
  }

  @Test
  void raggedSlicesOfAllParametersInOnePassEqualSeparatePasses() {
    AllParameters all = new AllParameters(model);
    assertOnePassEqualsSeparatePasses(all, all.initialValues());
  }

  private static void assertOnePassEqualsSeparatePasses(TrainableParameters what, float[] at) {
    DecoderGradientEngine engine = new DecoderGradientEngine(what, OPTIONS);
    double clipNorm = 0.5;
    RoundGrid grid = Grids.fine(clipNorm);
    double[] separate = new double[at.length];
    double loss = 0;
    long tokens = 0;
    long clipped = 0;
    for (PrivacySlice slice : RAGGED) {
      ClippedSum one = engine.clippedSum(at, List.of(slice), grid);
      assertThat(Arrays.stream(one.sum()).map(k -> k * k).sum())
          .isPositive()
          .isLessThanOrEqualTo(grid.sum().squaredBound());
      double[] values = values(one);
      IntStream.range(0, separate.length).forEach(i -> separate[i] += values[i]);
      loss += one.lossSum();
      tokens += one.tokens();
      clipped += one.clipped();
    }
    ClippedSum together = engine.clippedSum(at, RAGGED, grid);
    assertThat(distance(values(together), separate)).isLessThan(1e-5 * norm(separate));
    assertThat(together.lossSum()).isCloseTo(loss, within(1e-4));
    assertThat(together.tokens()).isEqualTo(tokens);
    assertThat(together.clipped()).isEqualTo(clipped).isPositive();
    assertThat(together.slices()).isEqualTo(RAGGED.size());
    assertThat(together.zeroed()).isZero();
    assertThat(together.grid()).isEqualTo(grid);
  }

  @Test
  void aSliceIsTheMeanOfItsTokens_howeverTheyAreSpreadOverExamples() {
    LoraParameters lora = lora(Mode.BOTH);
    DecoderGradientEngine engine = new DecoderGradientEngine(lora, OPTIONS);
    float[] at = perturbed(lora.initialValues());
    double[] first = engine.gradient(at, slice("hello there")).orElseThrow();
    double[] second = engine.gradient(at, slice("a much longer message here")).orElseThrow();
    double few = engine.weight(new Example(null, "hello there"));
    double many = engine.weight(new Example(null, "a much longer message here"));
    assertThat(many).isGreaterThan(few).isGreaterThan(1);

    PrivacySlice both = slice("hello there", "a much longer message here");
    double[] mean = new double[first.length];
    Arrays.setAll(mean, i -> (few * first[i] + many * second[i]) / (few + many));
    assertThat(distance(engine.gradient(at, both).orElseThrow(), mean))
        .isLessThan(1e-5 * norm(mean));
    assertThat(engine.clippedSum(at, List.of(both), Grids.fine(1)).tokens())
        .isEqualTo((long) (few + many));
    List<OptionalDouble> norms = new MeanGradientNorms(engine).of(both.examples(), List.of(1, 2));
    assertThat(norms.get(1).orElseThrow())
        .isCloseTo(engine.norms(lora.initialValues(), List.of(both))[0], withinPercentage(0.01));
  }

  @Test
  void theMeanGradientIsTheMeanOfUnclippedSlices() {
    AllParameters all = new AllParameters(model);
    DecoderGradientEngine engine = new DecoderGradientEngine(all, OPTIONS);
    float[] at = all.initialValues();
    List<PrivacySlice> slices = List.of(slice("hello there"), slice("how are you today?"));
    double[] first = engine.gradient(at, slices.get(0)).orElseThrow();
    double[] second = engine.gradient(at, slices.get(1)).orElseThrow();
    ClippedSum sum = engine.clippedSum(at, slices, Grids.fine(1));
    MeanGradient mean =
        engine.meanGradient(at, slices.stream().flatMap(s -> s.examples().stream()).toList());
    double[] halved = new double[first.length];
    Arrays.setAll(halved, i -> (first[i] + second[i]) / 2);
    assertThat(distance(mean.gradient(), halved)).isLessThan(1e-5 * norm(halved));
    assertThat(mean.loss()).isCloseTo(sum.lossSum() / 2, within(1e-5));
    assertThat(mean.tokens()).isEqualTo(sum.tokens());
  }

  @Test
  void microBatchingChangesNoResult() {
    LoraParameters lora = lora(Mode.B_ONLY);
    float[] at = perturbed(lora.initialValues());
    ClippedSum large =
        new DecoderGradientEngine(lora, new EngineOptions(48, 1L << 34))
            .clippedSum(at, RAGGED, Grids.fine(0.7));
    ClippedSum single =
        new DecoderGradientEngine(lora, smallest(lora)).clippedSum(at, RAGGED, Grids.fine(0.7));
    assertThat(distance(values(large), values(single))).isLessThan(1e-5 * norm(values(single)));
    assertThat(large.clipped()).isEqualTo(single.clipped());
    assertThat(large.tokens()).isEqualTo(single.tokens());
  }

  /**
   * A slice in passes of its own has the same integers whoever else is in the round, and wherever
   * it stands: then one user moves the sum by that user's vector and nothing else.
   */
  @Test
  void inPassesOfItsOwnASliceHasTheSameIntegersWhateverItsCompany() {
    // each as long as may be, so that no two share a pass in the least memory
    List<PrivacySlice> slices =
        RAGGED.stream()
            .map(user -> slice((user.examples().get(0).text() + " and so on ").repeat(30)))
            .toList();
    for (TrainableParameters what : List.of(lora(Mode.BOTH), new AllParameters(model))) {
      float[] at = perturbed(what.initialValues());
      DecoderGradientEngine engine = new DecoderGradientEngine(what, smallest(what));
      RoundGrid grid = Grids.fine(0.7);
      long[] expected = new long[at.length];
      for (PrivacySlice slice : slices) {
        long[] alone = engine.clippedSum(at, List.of(slice), grid).sum();
        IntStream.range(0, expected.length).forEach(i -> expected[i] += alone[i]);
      }
      List<PrivacySlice> shuffled = new ArrayList<>(slices);
      for (int seed = 0; seed < 2; seed++) {
        assertThat(Arrays.equals(engine.clippedSum(at, shuffled, grid).sum(), expected)).isTrue();
        Collections.shuffle(shuffled, new Random(seed));
      }
    }
  }

  /**
   * Together in one pass they have not: kernels of single precision choose their order of addition
   * by shapes. What that moves is what the margin on the clip norm stands for, and far below it.
   */
  @Test
  void inSharedPassesTheCompanyMovesASliceByFarLessThanTheMargin() {
    double clipNorm = 0.7;
    LoraParameters lora = lora(Mode.BOTH);
    float[] at = perturbed(lora.initialValues());
    DecoderGradientEngine engine = new DecoderGradientEngine(lora, new EngineOptions(48, 1L << 34));
    for (int left = 0; left < RAGGED.size(); left++) {
      List<PrivacySlice> without = new ArrayList<>(RAGGED);
      PrivacySlice user = without.remove(left);
      double[] with = values(engine.clippedSum(at, RAGGED, Grids.fine(clipNorm)));
      double[] others = values(engine.clippedSum(at, without, Grids.fine(clipNorm)));
      double[] alone = values(engine.clippedSum(at, List.of(user), Grids.fine(clipNorm)));
      double[] moved = new double[with.length];
      Arrays.setAll(moved, i -> with[i] - others[i] - alone[i]);
      assertThat(norm(moved)).isLessThan(1e-5 * clipNorm);
    }
  }

  /**
   * One user more, whose text is the shortest of all, comes into the first pass and pushes one
   * slice out of each into the next: everybody's company changes. All that this moves together is
   * still far below the margin.
   */
  @Test
  void aUserWhoChangesEverybodysCompanyMovesTheirSumByFarLessThanTheMargin() {
    double clipNorm = 0.7;
    int others = 512;
    LoraParameters lora = lora(Mode.BOTH);
    float[] at = perturbed(lora.initialValues());
    EngineOptions shared = new EngineOptions(48, 8 * smallest(lora).memoryBudgetBytes());
    DecoderGradientEngine engine = new DecoderGradientEngine(lora, shared);
    Random random = new Random(3);
    List<PrivacySlice> without = new ArrayList<>();
    for (int i = 0; i < others; i++) {
      without.add(slice("word " + random.nextInt(1_000) + " and".repeat(1 + i % 7) + " " + i));
    }
    PrivacySlice user = slice("a");
    List<PrivacySlice> with = new ArrayList<>(without);
    with.add(user);

    double[] sumWith = values(engine.clippedSum(at, with, Grids.fine(clipNorm)));
    double[] sumWithout = values(engine.clippedSum(at, without, Grids.fine(clipNorm)));
    double[] alone = values(engine.clippedSum(at, List.of(user), Grids.fine(clipNorm)));
    double[] moved = new double[alone.length];
    Arrays.setAll(moved, i -> sumWith[i] - sumWithout[i] - alone[i]);
    assertThat(norm(moved)).isPositive().isLessThan(1e-5 * clipNorm);
  }

  /** Under user-level and under example-level slices, of whatever is trained. */
  @ParameterizedTest
  @ValueSource(longs = {200_000, 10_000_000, 1L << 40})
  void everyMicroBatchingGivesTheSameSum(long memoryBudget) {
    List<PrivacySlice> examples =
        RAGGED.stream()
            .flatMap(user -> user.examples().stream())
            .map(example -> new PrivacySlice(List.of(example)))
            .toList();
    for (TrainableParameters what : List.of(lora(Mode.BOTH), new AllParameters(model))) {
      float[] at = perturbed(what.initialValues());
      for (List<PrivacySlice> slices : List.of(RAGGED, examples)) {
        ClippedSum alone =
            new DecoderGradientEngine(what, smallest(what)).clippedSum(at, slices, Grids.fine(0.7));
        ClippedSum sum =
            new DecoderGradientEngine(
                    what,
                    new EngineOptions(
                        48, Math.max(memoryBudget, smallest(what).memoryBudgetBytes())))
                .clippedSum(at, slices, Grids.fine(0.7));
        assertThat(distance(values(sum), values(alone))).isLessThan(1e-5 * norm(values(alone)));
        assertThat(sum.tokens()).isEqualTo(alone.tokens());
      }
    }
  }

  /** The embedding of one character is not a number, or as large as a float can be. */
  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.MAX_VALUE, 1e30f})
  void aSliceThatOverflowsIsBoundedAndTheOthersAreUntouched(float value, @TempDir Path directory)
      throws IOException {
    Path tiny = TinyModels.write(directory.resolve("tiny"), TinyModels.MISTRAL, 1);
    try (LanguageModel untied = LanguageModel.load(tiny)) {
      AllParameters all = new AllParameters(untied);
      float[] at = all.initialValues();
      int width = untied.description().hiddenSize();
      int tilde = (int) untied.tokenizer().encode(null, "~", 8).ids()[1];
      // the embedding is the first tensor
      Arrays.fill(at, tilde * width, (tilde + 1) * width, value);
      DecoderGradientEngine engine = new DecoderGradientEngine(all, OPTIONS);
      List<PrivacySlice> sound = List.of(slice("one"), slice("three", "four"));
      ClippedSum without = engine.clippedSum(at, sound, Grids.fine(0.5));

      ClippedSum with =
          engine.clippedSum(
              at, List.of(sound.get(0), slice("a~b", "c"), sound.get(1)), Grids.fine(0.5));

      assertThat(without.zeroed()).isZero();
      assertThat(with.slices()).isEqualTo(3);
      assertThat(distance(values(with), values(without))).isLessThanOrEqualTo(0.5 * (1 + 1e-3));
      if (!Float.isFinite(value)) {
        assertThat(with.zeroed()).isEqualTo(1);
        assertThat(distance(values(with), values(without))).isLessThan(1e-5);
      }
    }
  }

  @Test
  void addingOneSliceMovesTheSumByAtMostTheAccountedSensitivity() {
    LoraParameters lora = lora(Mode.B_ONLY);
    DecoderGradientEngine engine = new DecoderGradientEngine(lora, OPTIONS);
    float[] at = perturbed(lora.initialValues());
    double clipNorm = 0.1;
    List<PrivacySlice> cohort = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      cohort.add(slice("message number " + i + " of many".repeat(i % 7)));
    }
    double[] without = values(engine.clippedSum(at, cohort, Grids.fine(clipNorm)));
    cohort.add(slice("the neighbour is longer than all the others ".repeat(3)));
    double[] with = values(engine.clippedSum(at, cohort, Grids.fine(clipNorm)));
    assertThat(distance(with, without))
        .isLessThanOrEqualTo(clipNorm * (1 + 1e-3))
        .isGreaterThan(clipNorm * 0.9);
  }

  @Test
  void frozenAIsPublicAndStaysOutOfTheParameters() {
    LoraParameters both = lora(Mode.BOTH);
    LoraParameters bOnly = lora(Mode.B_ONLY);
    assertThat(both.frozen()).isEmpty();
    assertThat(bOnly.tensors()).allMatch(t -> t.name().endsWith(".lora_B.weight"));
    assertThat(bOnly.frozen()).hasSameSizeAs(bOnly.tensors());
    assertThat(both.tensors()).hasSize(2 * bOnly.tensors().size());
    assertThat(both.tensors().get(0).name())
        .isEqualTo("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight");
    bOnly
        .frozen()
        .forEach(
            (tensor, values) -> {
              double bound = 1 / Math.sqrt(tensor.shape().get(1));
              for (float value : values) {
                assertThat(Math.abs(value)).isLessThanOrEqualTo((float) bound);
              }
            });
    assertThat(lora(Mode.BOTH).initialValues()).isEqualTo(both.initialValues());
  }

  @Test
  void anEmptyCohortGivesTheZeroVector() {
    DecoderGradientEngine engine = new DecoderGradientEngine(lora(Mode.BOTH), OPTIONS);
    ClippedSum sum = engine.clippedSum(engine.initialParameters(), List.of(), Grids.fine(1));
    assertThat(sum.sum()).hasSize(engine.layout().size()).containsOnly(0);
    assertThat(sum.slices()).isZero();
  }

  @Test
  void aTextThatTokenizesToNothingContributesZeroAlone() {
    LoraParameters lora = lora(Mode.B_ONLY);
    DecoderGradientEngine engine = new DecoderGradientEngine(lora, OPTIONS);
    float[] at = lora.initialValues();
    ClippedSum alone = engine.clippedSum(at, List.of(slice("hello")), Grids.fine(1));
    ClippedSum sum =
        engine.clippedSum(at, List.of(slice(""), slice("hello"), slice("", "")), Grids.fine(1));
    assertThat(sum.sum()).isEqualTo(alone.sum());
    assertThat(sum.zeroed()).isEqualTo(2);
    assertThat(sum.slices()).isEqualTo(3);
  }

  @Test
  void parametersThatOverflowGiveZeroAndNeverNaN() {
    LoraParameters lora = lora(Mode.BOTH);
    DecoderGradientEngine engine = new DecoderGradientEngine(lora, OPTIONS);
    for (float magnitude : new float[] {1e10f, 1e20f, 1e30f, Float.MAX_VALUE, Float.NaN}) {
      float[] at = lora.initialValues();
      Arrays.fill(at, magnitude);
      ClippedSum sum = engine.clippedSum(at, RAGGED, Grids.fine(1));
      for (double value : values(sum)) {
        assertThat(value).isFinite();
      }
      assertThat(norm(values(sum))).isLessThanOrEqualTo(sum.slices() - sum.zeroed());
      assertThat(sum.lossSum()).isFinite();
    }
  }

  @Test
  void aSliceThatThrowsContributesZeroAndTheOthersEverything(@TempDir Path directory)
      throws IOException {
    Path tiny = TinyModels.write(directory.resolve("tiny"), TinyModels.LLAMA3, 1);
    try (LanguageModel sound = LanguageModel.load(tiny)) {
      AllParameters all = new AllParameters(sound);
      float[] at = all.initialValues();
      List<PrivacySlice> slices = List.of(slice("one"), slice("two"), slice("three", "four"));
      List<ClippedSum> leavingOneOut = new ArrayList<>();
      for (int left = 0; left < 3; left++) {
        List<PrivacySlice> others = new ArrayList<>(slices);
        others.remove(left);
        leavingOneOut.add(
            new DecoderGradientEngine(all, OPTIONS).clippedSum(at, others, Grids.fine(1)));
      }
      // the first pass is all three, then each alone, in an order that is the engine's affair
      Set<Integer> failed = new HashSet<>();
      for (int alone = 2; alone <= 4; alone++) {
        TrainableParameters failing = new FailingPasses(all, Set.of(1, alone));
        ClippedSum sum =
            new DecoderGradientEngine(failing, OPTIONS).clippedSum(at, slices, Grids.fine(1));
        assertThat(sum.zeroed()).isEqualTo(1);
        assertThat(sum.slices()).isEqualTo(3);
        for (int left = 0; left < 3; left++) {
          if (distance(values(sum), values(leavingOneOut.get(left))) < 1e-5) {
            assertThat(sum.tokens()).isEqualTo(leavingOneOut.get(left).tokens());
            failed.add(left);
          }
        }
      }
      assertThat(failed).containsExactlyInAnyOrder(0, 1, 2);
    }
  }

  /** Fails in some passes, counted from 1, as native code may on what one user sent. */
  private static final class FailingPasses implements TrainableParameters {
    private final TrainableParameters sound;
    private final Set<Integer> failing;
    private int passes;

    FailingPasses(TrainableParameters sound, Set<Integer> failing) {
      this.sound = sound;
      this.failing = failing;
    }

    @Override
    public boolean needsInputs() {
      return true;
    }

    @Override
    public LanguageModel model() {
      return sound.model();
    }

    @Override
    public List<TensorSpec> tensors() {
      return sound.tensors();
    }

    @Override
    public float[] initialValues() {
      return sound.initialValues();
    }

    @Override
    public Binding bind(Map<String, NDArray> leaves) {
      passes++;
      if (failing.contains(passes)) {
        throw new IllegalStateException("planted in pass " + passes);
      }
      return sound.bind(leaves);
    }

    @Override
    public void close() {}
  }

  /**
   * It must never be isolated: the zero in place of a slice would be released as if it were its.
   */
  @Test
  void anInterruptionEndsTheRoundAndIsNoZeroContribution() {
    LoraParameters lora = lora(Mode.BOTH);
    DecoderGradientEngine engine = new DecoderGradientEngine(lora, OPTIONS);
    float[] at = lora.initialValues();

    Thread.currentThread().interrupt();
    try {
      assertThatThrownBy(() -> engine.clippedSum(at, RAGGED, Grids.fine(1)))
          .isInstanceOf(RoundInterruptedException.class);
      assertThatThrownBy(() -> engine.norms(at, RAGGED))
          .isInstanceOf(RoundInterruptedException.class);
    } finally {
      assertThat(Thread.interrupted()).as("the thread stays interrupted").isTrue();
    }

    assertThat(engine.clippedSum(at, RAGGED, Grids.fine(1)).zeroed()).isZero();
  }

  @Test
  void anInterruptionIsSeenBetweenMicroBatches() throws Exception {
    LoraParameters lora = lora(Mode.BOTH);
    DecoderGradientEngine engine = new DecoderGradientEngine(lora, smallest(lora));
    List<PrivacySlice> many =
        IntStream.range(0, 20_000).mapToObj(i -> slice("once upon a time " + i)).toList();
    FutureTask<ClippedSum> sum =
        new FutureTask<>(() -> engine.clippedSum(lora.initialValues(), many, Grids.fine(1)));
    Thread round = new Thread(sum);
    round.start();
    await()
        .until(
            () ->
                Arrays.stream(round.getStackTrace())
                    .anyMatch(frame -> frame.getMethodName().equals("backward")));
    round.interrupt();
    assertThatThrownBy(sum::get).hasCauseInstanceOf(RoundInterruptedException.class);
    round.join();
  }

  @ParameterizedTest
  @FieldSource("io.murmuration.model.TinyModels#FAMILIES")
  void eachFamilyLearnsThroughItsAdapter(String fields, @TempDir Path directory)
      throws IOException {
    Path tiny = TinyModels.write(directory.resolve("tiny"), fields, 1);
    try (LanguageModel fresh = LanguageModel.load(tiny);
        LoraParameters lora =
            LoraParameters.fresh(
                fresh, new LoraConfig(2, 4, List.of(LoraConfig.ALL_LINEAR), Mode.B_ONLY))) {
      DecoderGradientEngine engine = new DecoderGradientEngine(lora, OPTIONS);
      List<PrivacySlice> slices = List.of(slice("abcabcabc"), slice("abcabc", "bcabca"));
      float[] at = lora.initialValues();
      double before = engine.clippedSum(at, slices, Grids.fine(1)).lossSum();
      for (int step = 0; step < 15; step++) {
        double[] sum = values(engine.clippedSum(at, slices, Grids.fine(1)));
        for (int i = 0; i < at.length; i++) {
          at[i] -= (float) (0.2 * sum[i]);
        }
      }
      assertThat(engine.clippedSum(at, slices, Grids.fine(1)).lossSum()).isLessThan(0.8 * before);
    }
  }

  @Test
  void anotherThreadMayUseTheEngineWhileOneEvaluates() throws Exception {
    LoraParameters lora = lora(Mode.B_ONLY);
    DecoderGradientEngine engine = new DecoderGradientEngine(lora, OPTIONS);
    float[] at = perturbed(lora.initialValues());
    TextEvaluator evaluator = new TextEvaluator(model, List.of("hello there", "how are you?"), 32);
    ClippedSum expectedSum = engine.clippedSum(at, RAGGED, Grids.fine(1));
    TextLoss expectedLoss = evaluator.evaluate(lora, at);
    ExecutorService worker = Executors.newSingleThreadExecutor();
    try {
      Future<ClippedSum> sum = worker.submit(() -> engine.clippedSum(at, RAGGED, Grids.fine(1)));
      do {
        assertThat(evaluator.evaluate(lora, at)).isEqualTo(expectedLoss);
      } while (!sum.isDone());
      assertThat(sum.get().sum()).isEqualTo(expectedSum.sum());
    } finally {
      worker.shutdownNow();
    }
  }

  /** A constant kept in a Java buffer would be freed under autograd: repeated sums would differ. */
  @Test
  void garbageCollectionBetweenForwardAndBackwardChangesNothing() throws InterruptedException {
    LoraParameters lora = lora(Mode.BOTH);
    DecoderGradientEngine engine = new DecoderGradientEngine(lora, OPTIONS);
    float[] at = perturbed(lora.initialValues());
    long[] expected = engine.clippedSum(at, RAGGED, Grids.fine(1)).sum();
    Thread collector =
        new Thread(
            () -> {
              while (!Thread.currentThread().isInterrupted()) {
                System.gc();
              }
            });
    collector.start();
    try {
      for (int i = 0; i < 3; i++) {
        assertThat(engine.clippedSum(at, RAGGED, Grids.fine(1)).sum()).isEqualTo(expected);
      }
    } finally {
      collector.interrupt();
      collector.join();
    }
  }

  @Test
  void wrongArgumentsAreRefused() {
    DecoderGradientEngine engine = new DecoderGradientEngine(lora(Mode.B_ONLY), OPTIONS);
    float[] at = engine.initialParameters();
    assertThatThrownBy(() -> engine.clippedSum(new float[3], RAGGED, Grids.fine(1)))
        .hasMessageContaining("length " + at.length + ", given 3");
    assertThatThrownBy(
            () -> new DecoderGradientEngine(lora(Mode.BOTH), EngineOptions.ofMaxTokens(513)))
        .hasMessageContaining("at most the model's context of 512, given 513");
  }

  @Test
  void aBudgetThatHoldsNoWholeExampleIsRefused() {
    LoraParameters lora = lora(Mode.B_ONLY);
    EngineOptions smallest = smallest(lora);
    new DecoderGradientEngine(lora, smallest).close();
    long less = smallest.memoryBudgetBytes() - 1;

    assertThatThrownBy(() -> new DecoderGradientEngine(lora, new EngineOptions(48, less)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("must hold one example of 48 tokens")
        .hasMessageContaining("takes about %d bytes", smallest.memoryBudgetBytes())
        .hasMessageContaining("is %d bytes", less)
        .hasMessageContaining("raise training.micro-batch-memory or lower training.max-tokens");
  }

  /**
   * The gradient of a user with many examples is the same whether or not they fit into one pass.
   */
  @Test
  void aSliceThatDoesNotFitIsProcessedInPieces() {
    LoraParameters lora = lora(Mode.BOTH);
    float[] at = perturbed(lora.initialValues());
    List<Example> examples = new ArrayList<>();
    for (int i = 0; i < 23; i++) {
      examples.add(new Example(null, "a message of many, number " + i + " and more".repeat(i % 4)));
    }
    List<PrivacySlice> slices =
        List.of(slice("hello"), new PrivacySlice(examples), slice("once upon a time"));

    ClippedSum inOnePass =
        new DecoderGradientEngine(lora, new EngineOptions(48, 1L << 34))
            .clippedSum(at, slices, Grids.fine(0.7));
    DecoderGradientEngine bounded = new DecoderGradientEngine(lora, smallest(lora));
    ClippedSum inPieces = bounded.clippedSum(at, slices, Grids.fine(0.7));

    assertThat(distance(values(inPieces), values(inOnePass)))
        .isLessThan(1e-5 * norm(values(inOnePass)));
    assertThat(inPieces.tokens()).isEqualTo(inOnePass.tokens());
    assertThat(inPieces.zeroed()).isZero();
    assertThat(inPieces.lossSum()).isCloseTo(inOnePass.lossSum(), within(1e-4));
    double[] norms = bounded.norms(at, slices);
    assertThat(norms).hasSize(3);
    assertThat(norm(bounded.gradient(at, slices.get(1)).orElseThrow()))
        .isIn(Arrays.stream(norms).boxed().toArray());
  }

  private LoraParameters lora(Mode mode) {
    return LoraParameters.fresh(model, new LoraConfig(4, 8, List.of(LoraConfig.ALL_LINEAR), mode));
  }

  private static EngineOptions smallest(TrainableParameters what) {
    return new EngineOptions(48, DecoderGradientEngine.smallestMemoryBudget(what, 48));
  }

  private static float[] perturbed(float[] values) {
    Random random = new Random(7);
    float[] moved = values.clone();
    for (int i = 0; i < moved.length; i++) {
      moved[i] += (float) (0.05 * random.nextGaussian());
    }
    return moved;
  }

  private static PrivacySlice slice(String... texts) {
    return new PrivacySlice(Arrays.stream(texts).map(t -> new Example(null, t)).toList());
  }

  private static double norm(double[] values) {
    return distance(values, new double[values.length]);
  }

  private static double distance(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return Math.sqrt(sum);
  }
}
