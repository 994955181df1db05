package io.murmuration.training;

import com.sun.management.ThreadMXBean;
import io.murmuration.demo.DemoModel;
import io.murmuration.demo.SyntheticEvent;
import io.murmuration.demo.SyntheticStream;
import io.murmuration.event.Example;
import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.LoraConfig.Mode;
import io.murmuration.model.LoraParameters;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.privacy.noise.BandedToeplitzNoise;
import io.murmuration.privacy.noise.NoiseFactory;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * What privacy costs: a private step against an ordinary LoRA step on the same batch of the same
 * model, in time and in memory; the noise; and where the time of the demo's rounds goes.
 *
 * <p>Variants take turns, and medians of the thread's own processor time are compared, so that
 * other load on the machine does not decide. The tensor library must have one thread. Arguments:
 * turns of each variant; shapes ({@code hidden x layers x users x sequences x tokens}), to measure
 * steps of these alone, in both modes of LoRA.
 */
public final class TrainingBench {

  private static final List<String> SHAPES =
      List.of("256x6x32x1x64", "256x6x32x4x16", "256x6x32x1x16", "128x4x32x1x32", "64x5x32x2x64");

  /** Also measured in the job's default mode, {@link Mode#B_ONLY}, which trains half as much. */
  private static final List<String> B_ONLY_SHAPES =
      List.of("256x6x32x1x64", "256x6x32x1x16", "128x4x32x1x32");

  private static final String MEMORY_SHAPE = "256x6x32x1x64";
  private static final int WARM_UPS = 5;
  private static final int NOISE_SAMPLES = 1 << 22;
  private static final int HISTOGRAM_NOISE_SAMPLES = 100_000;
  private static final int[] CORRELATED_BANDS = {2, 8, 16};
  private static final int DEMO_USERS = 256;
  private static final OptimizerOptions ADAM =
      OptimizerOptions.AdamW.withDefaults(LearningRateSchedule.constant(1e-4));
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** What is compared. */
  private enum Variant {
    NON_PRIVATE,
    ULS,
    ELS,
    SEPARATE_PASSES
  }

  private TrainingBench() {}

  /**
   * Runs everything, or the noise alone, or in a process of its own one variant whose memory is
   * looked at.
   */
  public static void main(String[] args) throws Exception {
    if (args.length == 3 && args[0].equals("memory")) {
      System.out.println(peakBytes(BenchModel.parse(args[1]), Variant.valueOf(args[2])));
      return;
    }
    if (args.length == 1 && args[0].equals("noise")) {
      noise();
      return;
    }
    int turns = args.length == 0 ? 9 : Integer.parseInt(args[0]);
    List<String> shapes = args.length < 2 ? SHAPES : Arrays.asList(args).subList(1, args.length);
    for (String shape : shapes) {
      steps(BenchModel.parse(shape), Mode.BOTH, turns);
    }
    for (String shape : args.length < 2 ? B_ONLY_SHAPES : shapes) {
      steps(BenchModel.parse(shape), Mode.B_ONLY, turns);
    }
    if (args.length >= 2) {
      return;
    }
    memory();
    noise();
    demo(turns);
  }

  private static void steps(BenchModel shape, Mode mode, int turns) throws IOException {
    try (Subject subject = Subject.of(shape, mode);
        Subject calls = Subject.of(shape.callsAlone(), mode)) {
      Map<Variant, Runnable> variants = new LinkedHashMap<>();
      for (Variant variant : Variant.values()) {
        variants.put(variant, subject.step(variant));
      }
      Map<Variant, double[]> nanos = new LinkedHashMap<>();
      Runnable callsAlone = calls.step(Variant.ULS);
      double[] callNanos = new double[turns];
      for (int i = 0; i < WARM_UPS; i++) {
        variants.values().forEach(Runnable::run);
        callsAlone.run();
      }
      DecoderGradientEngine engine = subject.engine(EngineOptions.ofMaxTokens(shape.tokens()));
      float[] start = engine.initialParameters();
      double[] clipping = new double[turns];
      for (int turn = 0; turn < turns; turn++) {
        for (Variant variant : Variant.values()) {
          nanos.computeIfAbsent(variant, v -> new double[turns])[turn] =
              cpuNanos(variants.get(variant));
        }
        callNanos[turn] = cpuNanos(callsAlone);
        long clippedBefore = engine.clippingNanos();
        long wall = System.nanoTime();
        engine.clippedSum(
            start, shape.cohort(), RoundGrid.of(grant(/* round= */ 1, shape.users()).mechanism()));
        double all = System.nanoTime() - wall;
        clipping[turn] = (engine.clippingNanos() - clippedBefore) / all;
      }
      double base = median(nanos.get(Variant.NON_PRIVATE));
      double[] ratios =
          Arrays.stream(Variant.values())
              .mapToDouble(v -> medianRatio(nanos.get(v), nanos.get(Variant.NON_PRIVATE)))
              .toArray();
      print(
          "%-36s %-6s non-private %7.1f ms; ÷ it: ULS %.3f, ELS %.3f, separate passes %.2f;"
              + " of a ULS step: calls %.0f%%, clipping %.0f%%",
          shape,
          mode,
          base / 1e6,
          ratios[Variant.ULS.ordinal()],
          ratios[Variant.ELS.ordinal()],
          ratios[Variant.SEPARATE_PASSES.ordinal()],
          100 * median(callNanos) / median(nanos.get(Variant.ULS)),
          100 * median(clipping));
    }
  }

  /** A model, a cohort, and steps on it. */
  private record Subject(Path directory, LanguageModel model, LoraParameters lora, BenchModel shape)
      implements AutoCloseable {

    static Subject of(BenchModel shape, Mode mode) throws IOException {
      Path directory = Files.createTempDirectory("murmuration-bench");
      LanguageModel model = shape.load(directory);
      return new Subject(
          directory,
          model,
          LoraParameters.fresh(model, new LoraConfig(8, 16, List.of(LoraConfig.ALL_LINEAR), mode)),
          shape);
    }

    DecoderGradientEngine engine(EngineOptions options) {
      return new DecoderGradientEngine(lora, options);
    }

    Runnable step(Variant variant) {
      List<PrivacySlice> users = shape.cohort();
      List<Example> examples = users.stream().flatMap(slice -> slice.examples().stream()).toList();
      DecoderGradientEngine engine = engine(EngineOptions.ofMaxTokens(shape.tokens()));
      if (variant == Variant.NON_PRIVATE) {
        return new NonPrivateStep(engine, examples);
      }
      List<PrivacySlice> slices =
          variant == Variant.ELS
              ? examples.stream().map(example -> new PrivacySlice(List.of(example))).toList()
              : users;
      GradientEngine passes =
          variant == Variant.SEPARATE_PASSES ? new SeparatePasses(engine) : engine;
      PrivateTrainer trainer = new PrivateTrainer(passes, ADAM, NoiseFactory.forUpdates());
      return () -> trainer.step(grant(trainer.state().round() + 1, slices.size()), slices);
    }

    @Override
    public void close() throws IOException {
      lora.close();
      model.close();
      for (String name : List.of("config.json", "tokenizer.json")) {
        Files.delete(directory.resolve(name));
      }
      Files.delete(directory);
    }
  }

  /** A pass for each slice. */
  private record SeparatePasses(DecoderGradientEngine engine) implements GradientEngine {

    @Override
    public ParameterLayout layout() {
      return engine.layout();
    }

    @Override
    public float[] initialParameters() {
      return engine.initialParameters();
    }

    @Override
    public ClippedSum clippedSum(float[] parameters, List<PrivacySlice> slices, RoundGrid grid) {
      long[] sum = new long[engine.layout().size()];
      for (PrivacySlice slice : slices) {
        long[] one = engine.clippedSum(parameters, List.of(slice), grid).sum();
        Arrays.setAll(sum, i -> sum[i] + one[i]);
      }
      return new ClippedSum(sum, grid, slices.size(), 0, 0, 0, 0, 0);
    }

    @Override
    public double[] norms(float[] parameters, List<PrivacySlice> slices) {
      return engine.norms(parameters, slices);
    }

    @Override
    public Optional<double[]> gradient(float[] parameters, PrivacySlice slice) {
      return engine.gradient(parameters, slice);
    }

    @Override
    public void close() {
      engine.close();
    }
  }

  /** An ordinary step: the gradient of the mean loss, and the same optimizer. */
  private static final class NonPrivateStep implements Runnable {

    private final DecoderGradientEngine engine;
    private final List<Example> examples;
    private final Optimizer optimizer = ADAM.optimizer();
    private float[] parameters;
    private OptimizerState state;
    private long steps;

    NonPrivateStep(DecoderGradientEngine engine, List<Example> examples) {
      this.engine = engine;
      this.examples = examples;
      this.parameters = engine.initialParameters();
      this.state = optimizer.initialState(parameters.length);
    }

    @Override
    public void run() {
      MeanGradient mean = engine.meanGradient(parameters, examples);
      Optimizer.Step step = optimizer.step(parameters, state, mean.gradient(), steps++);
      parameters = step.parameters();
      state = step.state();
    }
  }

  private static void memory() throws Exception {
    Map<Variant, Long> peaks = new LinkedHashMap<>();
    for (Variant variant : List.of(Variant.NON_PRIVATE, Variant.ULS)) {
      Process child =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-Xms512m",
                  "-Xmx512m",
                  "-XX:+AlwaysPreTouch",
                  "-XX:+UseSerialGC",
                  "-Dai.djl.offline=true",
                  "-DOPT_OUT_TRACKING=true",
                  "-Dai.djl.pytorch.num_threads=1",
                  "-Dai.djl.pytorch.num_interop_threads=1",
                  "-cp",
                  System.getProperty("java.class.path"),
                  TrainingBench.class.getName(),
                  "memory",
                  MEMORY_SHAPE,
                  variant.name())
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      List<String> lines =
          new String(child.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8)
              .lines()
              .toList();
      if (!child.waitFor(5, TimeUnit.MINUTES) || child.exitValue() != 0 || lines.isEmpty()) {
        throw new IllegalStateException("The process that measures memory failed: " + lines);
      }
      peaks.put(variant, Long.parseLong(lines.get(lines.size() - 1)));
    }
    print(
        "%-36s peak memory beyond the loaded model: non-private %d MB, ULS %d MB, ratio %.2f",
        BenchModel.parse(MEMORY_SHAPE),
        peaks.get(Variant.NON_PRIVATE) >> 20,
        peaks.get(Variant.ULS) >> 20,
        (double) peaks.get(Variant.ULS) / peaks.get(Variant.NON_PRIVATE));
  }

  /** Of this process, beyond what it holds when the model is loaded; from Linux's own counters. */
  private static long peakBytes(BenchModel shape, Variant variant) throws IOException {
    try (Subject subject = Subject.of(shape, Mode.BOTH)) {
      Runnable step = subject.step(variant);
      long before = statusBytes("VmRSS");
      for (int i = 0; i < 5; i++) {
        step.run();
      }
      return statusBytes("VmHWM") - before;
    }
  }

  private static long statusBytes(String field) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith(field + ":")) {
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
      }
    }
    throw new IllegalStateException("/proc/self/status has no " + field);
  }

  private static void noise() {
    print(
        "noise from a table, for updates: %.1f ns a sample",
        nanosPerSample(NoiseFactory.forUpdates(), NOISE_SAMPLES));
    print(
        "noise in rational arithmetic, for histograms: %.2f µs a sample",
        nanosPerSample(NoiseFactory.forHistograms(), HISTOGRAM_NOISE_SAMPLES) / 1000);
    for (int bands : CORRELATED_BANDS) {
      print(
          "correlated noise of %d bands, for updates: %.1f ns a sample",
          bands, correlatedNanosPerSample(bands, NOISE_SAMPLES));
    }
  }

  /** The same of a sequence whose buffer is full. */
  private static double correlatedNanosPerSample(int bands, int samples) {
    // 1/√(j + 1), far below a norm of one: the time does not depend on it
    int[] coefficients = new int[bands];
    Arrays.setAll(coefficients, j -> (int) (20_000 / Math.sqrt(j + 1)));
    BandedToeplitzNoise noise = new BandedToeplitzNoise(coefficients, samples);
    long[] sum = new long[samples];
    double[] nanos = new double[5];
    for (int round = -bands; round < nanos.length; round++) {
      int number = round;
      double spent =
          cpuNanos(
              () -> {
                noise.addTo(sum, number, NoiseFactory.forUpdates().create());
                noise.completed(number);
              });
      if (round >= 0) {
        nanos[round] = spent / samples;
      }
    }
    return median(nanos);
  }

  /** Of processor time, the median of a few turns after one to warm up. */
  private static double nanosPerSample(NoiseFactory noise, int samples) {
    long[] sum = new long[samples];
    double[] nanos = new double[5];
    for (int i = -1; i < nanos.length; i++) {
      double spent = cpuNanos(() -> noise.create().addTo(sum));
      if (i >= 0) {
        nanos[i] = spent / samples;
      }
    }
    return median(nanos);
  }

  /** The demo's model and settings, on messages of its stream. */
  private static void demo(int turns) throws IOException {
    Path directory = DemoModel.unpack(Files.createTempDirectory("murmuration-bench"));
    Map<String, List<Example>> users = new LinkedHashMap<>();
    for (SyntheticEvent event :
        SyntheticStream.generate(/* seed= */ 1, DEMO_USERS, /* secrets= */ 0).events()) {
      users
          .computeIfAbsent(event.userId(), user -> new ArrayList<>())
          .add(new Example(null, event.text()));
    }
    List<PrivacySlice> slices =
        users.values().stream().map(examples -> new PrivacySlice(examples.subList(0, 1))).toList();
    try (LanguageModel model = LanguageModel.load(directory);
        LoraParameters lora =
            LoraParameters.fresh(
                model, new LoraConfig(8, 16, List.of(LoraConfig.ALL_LINEAR), Mode.B_ONLY))) {
      DecoderGradientEngine engine = new DecoderGradientEngine(lora, EngineOptions.ofMaxTokens(64));
      PrivateTrainer trainer = new PrivateTrainer(engine, ADAM, NoiseFactory.forUpdates());
      double[] tokensPerSecond = new double[turns];
      double[] clipping = new double[turns];
      double[] noise = new double[turns];
      double[] update = new double[turns];
      for (int turn = -2; turn < turns; turn++) {
        long clippedBefore = engine.clippingNanos();
        long start = THREADS.getCurrentThreadCpuTime();
        long wall = System.nanoTime();
        RoundOutcome outcome =
            trainer.step(grant(trainer.state().round() + 1, slices.size()), slices);
        double all = System.nanoTime() - wall;
        double cpu = THREADS.getCurrentThreadCpuTime() - start;
        if (turn >= 0) {
          tokensPerSecond[turn] = outcome.statistics().tokens() * 1e9 / cpu;
          clipping[turn] = (engine.clippingNanos() - clippedBefore) / all;
          noise[turn] = outcome.timing().noiseNanos() / all;
          update[turn] = outcome.timing().updateNanos() / all;
        }
      }
      double model1 = 1 - median(clipping) - median(noise) - median(update);
      print(
          "demo's model, %d users a round: %,.0f tokens/s; model %.1f%%, clipping %.1f%%, noise"
              + " %.2f%%, optimizer %.2f%%",
          slices.size(),
          median(tokensPerSecond),
          100 * model1,
          100 * median(clipping),
          100 * median(noise),
          100 * median(update));
    }
  }

  static Grant grant(long round, int units) {
    return new Grant(
        /* epoch= */ 1,
        round,
        /* tick= */ round,
        /* phase= */ 1,
        new RoundMechanism(
            Sampler.ULS,
            /* samplingProbability= */ 0.1,
            /* groupSize= */ 8,
            /* noiseMultiplier= */ 1,
            /* clipNorm= */ 1,
            /* expectedUnits= */ units),
        /* epsilonSpent= */ 1,
        /* delta= */ 1e-6,
        "00");
  }

  private static double cpuNanos(Runnable work) {
    long start = THREADS.getCurrentThreadCpuTime();
    work.run();
    return THREADS.getCurrentThreadCpuTime() - start;
  }

  private static double medianRatio(double[] above, double[] below) {
    double[] ratios = new double[above.length];
    Arrays.setAll(ratios, i -> above[i] / below[i]);
    return median(ratios);
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
  }

  private static void print(String format, Object... values) {
    System.out.println(String.format(Locale.ROOT, format, values));
  }
}
