package io.murmuration.demo;

import io.murmuration.demo.LifetimeSummary.Topic;
import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraAdapter;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.LoraParameters;
import io.murmuration.model.TextEvaluator;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.ReleaseFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

/**
 * What releases had learned of each topic that trended, when it began and when the next one did.
 */
final class TopicLosses implements AutoCloseable {

  private final LanguageModel model;
  private final int maxTokens;
  private final NavigableMap<Long, Path> releases = new TreeMap<>();

  /**
   * Opens the base model and lists the releases.
   *
   * @param store where releases are visible
   * @param maxTokens texts are cut there
   */
  TopicLosses(Path baseModel, DirectoryModelStore store, int maxTokens) throws IOException {
    this.model = LanguageModel.load(baseModel);
    this.maxTokens = maxTokens;
    for (String name : store.published()) {
      releases.put(ReleaseFiles.roundOf(name), store.directoryOf(name));
    }
  }

  /** How many releases there are. */
  int releases() {
    return releases.size();
  }

  /**
   * Compares the releases of a topic's first and last round.
   *
   * @param sentences about it, two or more
   */
  Topic compare(String name, List<String> sentences, long from, long to) throws IOException {
    double[] before = scores(releases.lowerEntry(from), sentences);
    double[] after = scores(releases.floorEntry(to), sentences);
    return new Topic(
        name,
        from,
        to,
        Scores.mean(before),
        Scores.mean(after),
        Scores.standardError(Scores.gains(before, after)));
  }

  private double[] scores(Map.Entry<Long, Path> release, List<String> sentences)
      throws IOException {
    List<TextEvaluator> evaluators = new ArrayList<>();
    sentences.forEach(
        sentence -> evaluators.add(new TextEvaluator(model, List.of(sentence), maxTokens)));
    if (release == null) {
      return scores(evaluators, evaluator -> evaluator.evaluate().nllPerToken());
    }
    LoraAdapter adapter = LoraAdapter.read(release.getValue());
    try (LoraParameters parameters = LoraParameters.from(model, adapter, LoraConfig.Mode.BOTH)) {
      float[] values = parameters.initialValues();
      return scores(evaluators, evaluator -> evaluator.evaluate(parameters, values).nllPerToken());
    }
  }

  private static double[] scores(
      List<TextEvaluator> evaluators, ToDoubleFunction<TextEvaluator> score) {
    return evaluators.stream().mapToDouble(score).toArray();
  }

  @Override
  public void close() {
    model.close();
  }
}
