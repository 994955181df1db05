package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.murmuration.chaos.JvmProcess;
import io.murmuration.event.Example;
import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.LoraConfig.Mode;
import io.murmuration.model.LoraParameters;
import io.murmuration.model.TinyModels;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * However much one user sends, the memory of a micro-batch bounds what is worked on at a time: if
 * it did not, the kernel would end the process, and the public ledger would show a charge without a
 * release wherever that user is sampled.
 *
 * <p>What a process takes is Linux's own count, of a process of its own.
 */
class BoundedWorkTest {

  private static final int MAX_TOKENS = 48;
  private static final int EXAMPLES = 1_500;

  @TempDir Path directory;

  @Test
  void theLargestUserTakesNoMoreMemoryThanAMicroBatchMay() throws Exception {
    assumeThat(Path.of("/proc/self/status")).exists();
    Path model = TinyModels.write(directory.resolve("tiny"), TinyModels.LLAMA3, 1);

    // the same user with memory for everything at once shows that the measurement sees a difference
    assertThat(growth(model, /* budgetBytes= */ 1L << 40)).isGreaterThan(200L << 20);
    assertThat(growth(model, /* budgetBytes= */ 16L << 20)).isLessThan(100L << 20);
  }

  /** By how many bytes a process grows beyond what one example takes. */
  private long growth(Path model, long budgetBytes) throws Exception {
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xms256m",
                "-Xmx256m",
                "-XX:+AlwaysPreTouch",
                "-XX:+UseSerialGC",
                "-Dai.djl.offline=true",
                "-DOPT_OUT_TRACKING=true",
                "-Dai.djl.pytorch.num_threads=1",
                "-Dai.djl.pytorch.num_interop_threads=1",
                "-cp",
                String.join(File.pathSeparator, JvmProcess.classPath(/* classes= */ true)),
                BoundedWorkTest.class.getName(),
                model.toString(),
                String.valueOf(budgetBytes))
            .redirectError(directory.resolve("error-" + budgetBytes).toFile())
            .start();
    List<String> lines =
        new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    assertThat(child.waitFor(5, TimeUnit.MINUTES)).isTrue();
    assertThat(child.exitValue())
        .as(() -> readable(directory.resolve("error-" + budgetBytes)))
        .isZero();
    return Long.parseLong(lines.get(lines.size() - 1));
  }

  private static String readable(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** Prints the growth; runs in a process of its own. */
  public static void main(String[] args) throws IOException {
    try (LanguageModel model = LanguageModel.load(Path.of(args[0]));
        LoraParameters lora =
            LoraParameters.fresh(
                model, new LoraConfig(2, 4, List.of(LoraConfig.ALL_LINEAR), Mode.B_ONLY))) {
      DecoderGradientEngine engine =
          new DecoderGradientEngine(lora, new EngineOptions(MAX_TOKENS, Long.parseLong(args[1])));
      sum(engine, 1);
      long before = peakBytes();
      ClippedSum sum = sum(engine, EXAMPLES);
      if (sum.zeroed() != 0 || sum.tokens() < (MAX_TOKENS - 1L) * EXAMPLES) {
        throw new IllegalStateException("The user was not trained on: " + sum);
      }
      System.out.println(peakBytes() - before);
    }
  }

  private static ClippedSum sum(DecoderGradientEngine engine, int examples) {
    PrivacySlice user =
        new PrivacySlice(
            Collections.nCopies(examples, new Example(null, "word ".repeat(MAX_TOKENS))));
    return engine.clippedSum(engine.initialParameters(), List.of(user), Grids.of(1, 1));
  }

  private static long peakBytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
      }
    }
    throw new IllegalStateException("/proc/self/status has no VmHWM");
  }
}
