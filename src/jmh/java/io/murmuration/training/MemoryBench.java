package io.murmuration.training;

import io.murmuration.cli.Murmuration;
import io.murmuration.event.Example;
import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.LoraConfig.Mode;
import io.murmuration.model.LoraParameters;
import io.murmuration.privacy.noise.NoiseFactory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Peak memory of whole processes at the sizes of published models, against what is promised:
 * weights × 1.25 + the micro-batch budget + 1 GB.
 *
 * <p>Each figure is the largest resident set that Linux has seen of a process of its own ({@code
 * VmHWM}), Java, tensor library and tokenizer included. Arguments: shapes, {@link RealShape};
 * without any, the three that the documents name. {@code bench.models} names a directory whose
 * checkpoints are kept.
 */
public final class MemoryBench {

  private static final long MICRO_BATCH_BYTES = 256L << 20;
  private static final int MESSAGES = 40;
  private static final int CHARACTERS = 120;
  private static final int USERS = 16;
  private static final int MAX_TOKENS = 64;
  private static final int ROUNDS = 1;

  /** What a process does. */
  private enum Work {
    LOAD,
    EVALUATE,
    GENERATE,
    TRAIN
  }

  private MemoryBench() {}

  /** Runs everything, or, as a child, one piece of work. */
  public static void main(String[] args) throws Exception {
    if (args.length == 3 && args[0].equals("child")) {
      work(Work.valueOf(args[1]), Path.of(args[2]));
      System.out.println(statusBytes("VmHWM"));
      return;
    }
    List<RealShape> shapes =
        args.length == 0
            ? List.of(RealShape.GPT2_124M, RealShape.QWEN25_0_5B, RealShape.LLAMA32_1_2B)
            : Arrays.stream(args).map(RealShape::valueOf).toList();
    for (RealShape shape : shapes) {
      measure(shape);
    }
  }

  private static void measure(RealShape shape) throws Exception {
    String kept = System.getProperty("bench.models");
    Path directory =
        kept == null
            ? Files.createTempDirectory("murmuration-bench")
            : Path.of(kept).resolve(shape.name());
    try {
      shape.write(directory);
      Files.writeString(directory.resolve("messages.jsonl"), messages());
      long weights = shape.weightBytes(directory);
      for (Work work : works()) {
        long promised = weights * 5 / 4 + (1L << 30) + (work == Work.LOAD ? 0 : MICRO_BATCH_BYTES);
        long start = System.nanoTime();
        long peak = child(work, directory);
        double seconds = (System.nanoTime() - start) / 1e9;
        System.out.println(
            String.format(
                Locale.ROOT,
                "%-14s %-9s peak %6.2f GB, promised %6.2f GB (weights %.2f GB): %.2f; %.1f s",
                shape,
                work,
                peak / 1e9,
                promised / 1e9,
                weights / 1e9,
                (double) peak / promised,
                seconds));
      }
    } finally {
      if (kept == null) {
        for (String name :
            List.of(
                "config.json",
                "tokenizer.json",
                "messages.jsonl",
                "model.safetensors",
                "model.safetensors.partial")) {
          Files.deleteIfExists(directory.resolve(name));
        }
        Files.delete(directory);
      }
    }
  }

  /** All, or those that {@code bench.work} names. */
  private static List<Work> works() {
    String named = System.getProperty("bench.work");
    return named == null
        ? List.of(Work.values())
        : Arrays.stream(named.split(",")).map(Work::valueOf).toList();
  }

  private static String messages() {
    Random random = new Random(2);
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < MESSAGES; i++) {
      lines.append("{\"text\": \"").append(RealShape.text(random, CHARACTERS)).append("\"}\n");
    }
    return lines.toString();
  }

  private static long child(Work work, Path directory) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(System.getProperty("bench.child.options", "-Xmx3g").split(" ")));
    command.addAll(
        List.of(
            "-Dai.djl.offline=true",
            "-DOPT_OUT_TRACKING=true",
            "-Dai.djl.pytorch.num_threads=1",
            "-Dai.djl.pytorch.num_interop_threads=1",
            "-Dlog4j2.configurationFile=" + System.getProperty("log4j2.configurationFile"),
            "-cp",
            System.getProperty("java.class.path"),
            MemoryBench.class.getName(),
            "child",
            work.name(),
            directory.toString()));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    List<String> lines =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
            .lines()
            .toList();
    int exit = process.waitFor();
    if (exit != 0 || lines.isEmpty()) {
      throw new IllegalStateException(work + " failed with " + exit + ": " + lines);
    }
    lines.subList(0, lines.size() - 1).forEach(line -> System.out.println("  " + line));
    return Long.parseLong(lines.get(lines.size() - 1));
  }

  private static void work(Work work, Path directory) throws IOException {
    switch (work) {
      case LOAD -> load(directory);
      case EVALUATE ->
          command(
              "evaluate",
              "--model",
              directory.toString(),
              "--events",
              directory.resolve("messages.jsonl").toString());
      case GENERATE ->
          command(
              "generate",
              "--model",
              directory.toString(),
              "--prompt",
              RealShape.text(new Random(3), CHARACTERS),
              "--max-tokens",
              "20");
      case TRAIN -> train(directory);
    }
  }

  private static void command(String... args) {
    int exit = Murmuration.commandLine().execute(args);
    if (exit != 0) {
      throw new IllegalStateException(String.join(" ", args) + " ended with " + exit);
    }
  }

  private static void load(Path directory) throws IOException {
    long start = System.nanoTime();
    try (LanguageModel model = LanguageModel.load(directory)) {
      double seconds = (System.nanoTime() - start) / 1e9;
      long bytes = Files.size(directory.resolve("model.safetensors"));
      System.out.println(
          String.format(
              Locale.ROOT,
              "loaded %s in %.2f s, %.2f GB/s of its file",
              model.description().family(),
              seconds,
              bytes / seconds / 1e9));
    }
  }

  private static void train(Path directory) throws IOException {
    try (LanguageModel model = LanguageModel.load(directory);
        LoraParameters lora =
            LoraParameters.fresh(
                model, new LoraConfig(8, 16, List.of(LoraConfig.ALL_LINEAR), Mode.B_ONLY))) {
      Random random = new Random(4);
      List<PrivacySlice> slices =
          IntStream.range(0, USERS)
              .mapToObj(
                  u -> new PrivacySlice(List.of(new Example(null, RealShape.text(random, 300)))))
              .toList();
      DecoderGradientEngine engine =
          new DecoderGradientEngine(lora, new EngineOptions(MAX_TOKENS, MICRO_BATCH_BYTES));
      System.out.printf(
          Locale.ROOT,
          "smallest budget %d MB%n",
          DecoderGradientEngine.smallestMemoryBudget(lora, MAX_TOKENS) >> 20);
      PrivateTrainer trainer =
          new PrivateTrainer(
              engine,
              OptimizerOptions.AdamW.withDefaults(LearningRateSchedule.constant(1e-4)),
              NoiseFactory.forUpdates());
      for (int round = 1; round <= ROUNDS; round++) {
        long before = statusBytes("VmRSS");
        long start = System.nanoTime();
        RoundOutcome outcome =
            trainer.step(TrainingBench.grant(trainer.state().round() + 1, slices.size()), slices);
        double seconds = (System.nanoTime() - start) / 1e9;
        System.out.println(
            String.format(
                Locale.ROOT,
                "a round of %d tokens took %.1f s, %.0f tokens/s; before it %.2f GB, peak %.2f GB",
                outcome.statistics().tokens(),
                seconds,
                outcome.statistics().tokens() / seconds,
                before / 1e9,
                statusBytes("VmHWM") / 1e9));
      }
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
}
