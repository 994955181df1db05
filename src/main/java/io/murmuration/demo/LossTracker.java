package io.murmuration.demo;

import io.murmuration.model.LanguageModel;
import io.murmuration.model.TextEvaluator;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.ReleaseFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.ToDoubleFunction;

/**
 * Looks at the releases as anybody outside would, and measures some of them on held-out text, on a
 * thread of its own.
 */
public final class LossTracker implements AutoCloseable {

  /**
   * A loss.
   *
   * @param round of the release; 0 for the base model
   * @param loss nats per token on held-out text
   */
  public record Measurement(long round, double loss) {}

  private final LanguageModel model;
  private final TextEvaluator heldOut;
  private final int maxTokens;
  private final DirectoryModelStore store;
  private final int every;
  private final Measurement base;
  private final List<Measurement> measurements = new CopyOnWriteArrayList<>();
  private final ExecutorService worker = Executors.newSingleThreadExecutor(LossTracker::daemon);
  private NavigableMap<Long, Path> releases;
  private long lastAsked;
  private Future<?> pending;

  /**
   * @param modelDirectory base model
   * @param texts held-out texts
   * @param maxTokens texts are cut there
   * @param store where releases become visible
   * @param every rounds between two measurements
   */
  LossTracker(
      Path modelDirectory, List<String> texts, int maxTokens, DirectoryModelStore store, int every)
      throws IOException {
    this.model = LanguageModel.load(modelDirectory);
    this.heldOut = new TextEvaluator(model, texts, maxTokens);
    this.maxTokens = maxTokens;
    this.store = store;
    this.every = every;
    this.releases = visible();
    // what an earlier demo left is not measured again
    this.lastAsked = releases.isEmpty() ? 0 : releases.lastKey();
    this.base = new Measurement(0, heldOut.evaluate().nllPerToken());
    measurements.add(base);
  }

  private static Thread daemon(Runnable task) {
    Thread thread = new Thread(task, "murmuration-held-out-loss");
    thread.setDaemon(true);
    return thread;
  }

  private NavigableMap<Long, Path> visible() throws IOException {
    NavigableMap<Long, Path> rounds = new TreeMap<>();
    for (String name : store.published()) {
      rounds.put(ReleaseFiles.roundOf(name), store.directoryOf(name));
    }
    return rounds;
  }

  /** Sees what is visible now, and has every so-many-th new release measured in the background. */
  void lookForReleases() throws IOException, ExecutionException, InterruptedException {
    releases = visible();
    if (pending != null && pending.isDone()) {
      // throws what went wrong
      pending.get();
    }
    for (var release : releases.tailMap(lastAsked, /* inclusive= */ false).entrySet()) {
      long round = release.getKey();
      if (round % every == 0) {
        lastAsked = round;
        Path directory = release.getValue();
        pending = worker.submit(() -> measurements.add(measure(round, directory)));
      }
    }
  }

  /** Waits for what is in measurement, and measures the last release if that has not been done. */
  void measureLast() throws ExecutionException, InterruptedException {
    if (pending != null) {
      pending.get();
    }
    if (!releases.isEmpty() && latest().round() < releases.lastKey()) {
      long round = releases.lastKey();
      worker.submit(() -> measurements.add(measure(round, releases.get(round)))).get();
    }
  }

  private Measurement measure(long round, Path directory) throws IOException {
    try (ReleasedWeights release = ReleasedWeights.read(model, directory)) {
      return new Measurement(round, release.evaluate(heldOut).nllPerToken());
    }
  }

  /** Number of visible releases. */
  int releases() {
    return releases.size();
  }

  /** All measurements so far, in the order of rounds. */
  List<Measurement> measurements() {
    return List.copyOf(measurements);
  }

  /** The base model's. */
  Measurement base() {
    return base;
  }

  /** The newest. */
  Measurement latest() {
    return measurements.get(measurements.size() - 1);
  }

  /** Scores a text by the base model, nats per token. */
  ToDoubleFunction<String> baseScore() {
    return text -> new TextEvaluator(model, List.of(text), maxTokens).evaluate().nllPerToken();
  }

  /** Scores a text by the last release. The caller closes it. */
  AdaptedScore adaptedScore() throws IOException {
    return new AdaptedScore(ReleasedWeights.read(model, releases.lastEntry().getValue()));
  }

  /** The last release's score of a text. */
  final class AdaptedScore implements ToDoubleFunction<String>, AutoCloseable {
    private final ReleasedWeights release;

    private AdaptedScore(ReleasedWeights release) {
      this.release = release;
    }

    @Override
    public double applyAsDouble(String text) {
      return release.evaluate(new TextEvaluator(model, List.of(text), maxTokens)).nllPerToken();
    }

    @Override
    public void close() {
      release.close();
    }
  }

  @Override
  public void close() {
    worker.shutdownNow();
    model.close();
  }
}
