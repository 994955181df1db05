package io.murmuration.job;

import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.checkpoint.CheckpointException;
import org.apache.flink.util.ExceptionUtils;

/**
 * Savepoints of jobs under test, asked for as often as Flink refuses them: it does while any task
 * is not running, and a task that loads a model, or that ends, is none.
 */
public final class Savepoints {

  private static final Duration PATIENCE = Duration.ofMinutes(3);

  private Savepoints() {}

  /** Takes one and lets the job go on; returns where it lies. */
  public static String take(JobClient job, Path directory) {
    return asked(
        () -> job.triggerSavepoint(directory.toUri().toString(), SavepointFormatType.CANONICAL));
  }

  /** Stops the job with one, without draining it, and waits for its end; returns where it lies. */
  public static String stop(JobClient job, Path directory) throws Exception {
    String savepoint =
        asked(
            () ->
                job.stopWithSavepoint(
                    /* advanceToEndOfEventTime= */ false,
                    directory.toUri().toString(),
                    SavepointFormatType.CANONICAL));
    job.getJobExecutionResult().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    return savepoint;
  }

  private static String asked(Callable<CompletableFuture<String>> request) {
    return await("a savepoint")
        .atMost(PATIENCE)
        .ignoreExceptionsMatching(
            refused -> ExceptionUtils.findThrowable(refused, CheckpointException.class).isPresent())
        .until(() -> request.call().get(PATIENCE.toSeconds(), TimeUnit.SECONDS), Objects::nonNull);
  }
}
