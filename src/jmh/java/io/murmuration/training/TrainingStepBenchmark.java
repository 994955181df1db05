package io.murmuration.training;

import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.LoraConfig.Mode;
import io.murmuration.model.LoraParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One training step on random text: an ordinary LoRA gradient, clipped gradients of all slices in
 * one pass, and the same in a pass for each slice. Compare them within one run.
 */
@State(Scope.Benchmark)
@BenchmarkMode(org.openjdk.jmh.annotations.Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {
      "-Dai.djl.offline=true",
      "-DOPT_OUT_TRACKING=true",
      "-Dai.djl.pytorch.num_threads=1",
      "-Dai.djl.pytorch.num_interop_threads=1"
    })
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 3)
public class TrainingStepBenchmark {

  private static final int CHARACTERS = 64;
  private static final long UNLIMITED = 1L << 40;

  /** hidden × layers × users × sequences × tokens. */
  @Param({"64x5x32x1x64", "128x4x32x1x32", "256x6x32x1x64"})
  private String shape;

  private Path directory;
  private LanguageModel model;
  private LoraParameters lora;
  private DecoderGradientEngine together;
  private DecoderGradientEngine apart;
  private float[] parameters;
  private List<PrivacySlice> slices;
  private List<Example> examples;

  /** Builds model and cohort. */
  @Setup(Level.Trial)
  public void prepare() throws IOException {
    String[] sizes = shape.split("x");
    int hidden = Integer.parseInt(sizes[0]);
    int layers = Integer.parseInt(sizes[1]);
    int users = Integer.parseInt(sizes[2]);
    int sequences = Integer.parseInt(sizes[3]);
    int tokens = Integer.parseInt(sizes[4]);
    directory = Files.createTempDirectory("murmuration-bench");
    writeDescription(hidden, layers);
    model = LanguageModel.initialize(directory, 1);
    lora =
        LoraParameters.fresh(
            model, new LoraConfig(8, 16, List.of(LoraConfig.ALL_LINEAR), Mode.BOTH));
    together = new DecoderGradientEngine(lora, new EngineOptions(tokens, UNLIMITED));
    apart = new DecoderGradientEngine(lora, new EngineOptions(tokens, 1));
    parameters = lora.initialValues();
    Random random = new Random(2);
    slices = new ArrayList<>();
    for (int u = 0; u < users; u++) {
      slices.add(
          new PrivacySlice(
              IntStream.range(0, sequences)
                  .mapToObj(s -> new Example(null, text(random, tokens - 1)))
                  .toList()));
    }
    examples = slices.stream().flatMap(slice -> slice.examples().stream()).toList();
  }

  private static String text(Random random, int length) {
    return random
        .ints(length, 0, CHARACTERS)
        .mapToObj(i -> String.valueOf((char) ('0' + i)))
        .collect(Collectors.joining());
  }

  private void writeDescription(int hidden, int layers) throws IOException {
    Files.writeString(
        directory.resolve("config.json"),
        """
        {"model_type": "llama", "vocab_size": 512, "hidden_size": %d, "intermediate_size": %d,
         "num_hidden_layers": %d, "num_attention_heads": 8, "num_key_value_heads": 4,
         "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
         "bos_token_id": 1}
        """
            .formatted(hidden, hidden * 11 / 4, layers));
    String vocabulary =
        IntStream.range(0, CHARACTERS)
            .mapToObj(
                i -> {
                  char c = (char) ('0' + i);
                  return (c == '\\' ? "\"\\\\\"" : "\"" + c + "\"") + ": " + (2 + i);
                })
            .collect(Collectors.joining(", "));
    Files.writeString(
        directory.resolve("tokenizer.json"),
        """
        {"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null,
         "post_processor": null, "decoder": {"type": "Fuse"},
         "model": {"type": "BPE", "unk_token": "<unk>", "merges": [],
           "vocab": {"<unk>": 0, "<s>": 1, %s}}}
        """
            .formatted(vocabulary));
  }

  /** An ordinary LoRA gradient of the batch. */
  @Benchmark
  public MeanGradient nonPrivate() {
    return together.meanGradient(parameters, examples);
  }

  /** Clipped gradients, one backward pass. */
  @Benchmark
  public ClippedSum clippedInOnePass() {
    return together.clippedSum(parameters, slices, 1);
  }

  /** Clipped gradients, one backward pass a slice. */
  @Benchmark
  public ClippedSum clippedInSeparatePasses() {
    return apart.clippedSum(parameters, slices, 1);
  }

  /** Releases native memory. */
  @TearDown(Level.Trial)
  public void release() throws IOException {
    lora.close();
    model.close();
    for (String name : List.of("config.json", "tokenizer.json")) {
      Files.delete(directory.resolve(name));
    }
    Files.delete(directory);
  }
}
