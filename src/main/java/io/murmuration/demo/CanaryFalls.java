package io.murmuration.demo;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.function.ToDoubleFunction;

/** Keeps, in a file as it is measured, by how much each canary's sequence became more likely. */
final class CanaryFalls {

  private CanaryFalls() {}

  /**
   * Measures what has not been measured: base loss minus release loss, in nats per token.
   *
   * @param file one number a line, in the order of the texts; a last line that was cut off counts
   *     as not measured
   * @param progress told how many are measured, those of earlier attempts included
   */
  static double[] measure(
      Path file,
      List<String> texts,
      ToDoubleFunction<String> base,
      ToDoubleFunction<String> release,
      IntConsumer progress)
      throws IOException {
    List<Double> known = known(file, texts.size());
    rewrite(file, known);
    progress.accept(known.size());
    for (int i = known.size(); i < texts.size(); i++) {
      double fall = base.applyAsDouble(texts.get(i)) - release.applyAsDouble(texts.get(i));
      if (!Double.isFinite(fall)) {
        throw new IllegalStateException(
            "the loss of canary %d must be a number but falls by %s; a model's weights cannot be sound"
                .formatted(i, fall));
      }
      known.add(fall);
      Files.writeString(file, fall + "\n", StandardCharsets.UTF_8, StandardOpenOption.APPEND);
      progress.accept(known.size());
    }
    return known.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private static List<Double> known(Path file, int most) throws IOException {
    List<Double> known = new ArrayList<>();
    if (!Files.exists(file)) {
      return known;
    }
    String text = Files.readString(file);
    int complete = text.lastIndexOf('\n') + 1;
    for (String line : text.substring(0, complete).lines().toList()) {
      known.add(Double.parseDouble(line));
    }
    if (known.size() > most) {
      throw new IllegalArgumentException(
          "%s must hold at most the %d canaries of this audit but holds %d; give another --out"
              .formatted(file, most, known.size()));
    }
    return known;
  }

  private static void rewrite(Path file, List<Double> known) throws IOException {
    StringBuilder lines = new StringBuilder();
    known.forEach(fall -> lines.append(fall).append('\n'));
    Files.writeString(file, lines);
  }
}
