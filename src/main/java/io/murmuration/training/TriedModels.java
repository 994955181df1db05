package io.murmuration.training;

import io.murmuration.privacy.mechanism.ModelVersion;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;

/**
 * Which model {@code train} has tried, or is trying, on public text in this process: a worker
 * beside it shares library, memory and cores with it, and would find the same. Of each job the
 * newest.
 */
final class TriedModels {

  private record Trial(ModelVersion model, CompletableFuture<Boolean> passed) {}

  private static final Map<String, Trial> BY_SUBMISSION = new ConcurrentHashMap<>();

  private TriedModels() {}

  /** Train is going to try a model, which nobody has been told of. */
  static void begin(ModelVersion model) {
    BY_SUBMISSION.put(model.submission(), new Trial(model, new CompletableFuture<>()));
  }

  /** The trial of a job's newest model is over, if one was begun. */
  static void end(String submission, boolean passed) {
    Trial trial = BY_SUBMISSION.get(submission);
    if (trial != null) {
      trial.passed().complete(passed);
    }
  }

  /** Train is gone from this process. */
  static void forget(String submission) {
    end(submission, false);
    BY_SUBMISSION.remove(submission);
  }

  /**
   * Whether train has found in this process that a model does not fail; waits while it is trying.
   *
   * @return false also where it has not tried it here
   */
  static boolean passed(ModelVersion model) throws InterruptedException {
    Trial trial = BY_SUBMISSION.get(model.submission());
    if (trial == null || !trial.model().equals(model)) {
      return false;
    }
    try {
      return trial.passed().get();
    } catch (ExecutionException e) {
      throw new IllegalStateException("a trial ends with a verdict", e);
    }
  }
}
