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

/**
 * How likely each canary's sequence is to the base model and to a release, kept in a file as it is
 * measured, and the score that follows.
 *
 * @param base losses under the base model, in nats per token
 * @param release losses under the release, in the same order
 */
record CanaryLosses(List<Double> base, List<Double> release) {

  CanaryLosses {
    base = List.copyOf(base);
    release = List.copyOf(release);
  }

  /**
   * Says by how much each sequence is likelier under the release than its loss under the base model
   * lets expect: the residual of a least-squares line through all canaries, which knows no coin.
   *
   * <p>A release makes all sequences of consonants likelier, the least likely ones the most. The
   * mere fall in loss so tells unlikely sequences from likely ones, and hides who took part: it
   * varies by 0.64 nats per token on stories260K, what is left of the release's loss by 0.14.
   *
   * @return in nats per token, higher for those who seem to have taken part; they add up to 0
   */
  double[] scores() {
    int canaries = base.size();
    double meanBase = base.stream().mapToDouble(x -> x).average().orElse(0);
    double meanRelease = release.stream().mapToDouble(y -> y).average().orElse(0);
    double variance = 0;
    double covariance = 0;
    for (int i = 0; i < canaries; i++) {
      double x = base.get(i) - meanBase;
      variance += x * x;
      covariance += x * (release.get(i) - meanRelease);
    }
    double slope = variance > 0 ? covariance / variance : 0;
    double[] scores = new double[canaries];
    for (int i = 0; i < canaries; i++) {
      scores[i] = meanRelease + slope * (base.get(i) - meanBase) - release.get(i);
    }
    return scores;
  }

  /**
   * Measures what has not been measured.
   *
   * @param file base and release's loss of one text a line, in the order of the texts; a last line
   *     that was cut off counts as not measured
   * @param progress told how many are measured, those of earlier attempts included
   */
  static CanaryLosses measure(
      Path file,
      List<String> texts,
      ToDoubleFunction<String> base,
      ToDoubleFunction<String> release,
      IntConsumer progress)
      throws IOException {
    List<String> lines = known(file, texts.size());
    List<Double> bases = new ArrayList<>();
    List<Double> releases = new ArrayList<>();
    for (String line : lines) {
      String[] both = line.split(" ", -1);
      bases.add(Double.parseDouble(both[0]));
      releases.add(Double.parseDouble(both[1]));
    }
    // without the line that was cut off
    Files.writeString(file, String.join("", lines.stream().map(line -> line + "\n").toList()));
    progress.accept(lines.size());
    for (String text : texts.subList(lines.size(), texts.size())) {
      double before = base.applyAsDouble(text);
      double now = release.applyAsDouble(text);
      if (!Double.isFinite(before) || !Double.isFinite(now)) {
        throw new IllegalStateException(
            "the losses of canary %d must be numbers but are %s under the base model and %s under the release; a model's weights cannot be sound"
                .formatted(bases.size(), before, now));
      }
      bases.add(before);
      releases.add(now);
      Files.writeString(
          file, before + " " + now + "\n", StandardCharsets.UTF_8, StandardOpenOption.APPEND);
      progress.accept(bases.size());
    }
    return new CanaryLosses(bases, releases);
  }

  private static List<String> known(Path file, int most) throws IOException {
    if (!Files.exists(file)) {
      return List.of();
    }
    String text = Files.readString(file);
    List<String> complete = text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
    if (complete.size() > most) {
      throw new IllegalArgumentException(
          "%s must hold at most the %d canaries of this audit but holds %d; give another --out"
              .formatted(file, most, complete.size()));
    }
    return complete;
  }
}
