package io.murmuration.job;

import static org.awaitility.Awaitility.await;

import io.murmuration.privacy.budget.BudgetObserver;
import io.murmuration.privacy.budget.BudgetObservers;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.mechanism.Grant;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** One submission of the job, and what its budget said. */
class ObservedJob implements AutoCloseable, BudgetObserver {
  final List<Long> granted = new CopyOnWriteArrayList<>();
  final List<HaltReason> halts = new CopyOnWriteArrayList<>();
  final JobClient job;

  private final BudgetObservers.Registration registration;
  private final Path savepoints;

  /** Whether the job has ended, so that closing need not cancel it. */
  boolean stopped;

  ObservedJob(String domain, StreamExecutionEnvironment env, Path savepoints) throws Exception {
    this.savepoints = savepoints;
    registration = BudgetObservers.observe(domain, this);
    job = env.executeAsync(domain);
  }

  /** Waits for a minute and a half at most, and fails at once if the job ends before. */
  void awaitThat(Callable<Boolean> condition) {
    await()
        .atMost(Duration.ofSeconds(90))
        .failFast(() -> job.getJobStatus().get().isTerminalState())
        .until(condition);
  }

  String savepoint() {
    return Savepoints.take(job, savepoints);
  }

  /** Its savepoint, which it returns, publishes the last releases. */
  String stop() throws Exception {
    String savepoint = Savepoints.stop(job, savepoints);
    stopped = true;
    return savepoint;
  }

  @Override
  public void granted(Grant grant) {
    granted.add(grant.round());
  }

  @Override
  public void halted(HaltReason reason, long round, double epsilonSpent) {
    halts.add(reason);
  }

  @Override
  public void waiting(String why) {
    // a fresh ledger's topic is not there at once
  }

  @Override
  public void close() throws Exception {
    registration.close();
    if (!stopped) {
      job.cancel().get(1, TimeUnit.MINUTES);
      // the model's files must outlive the tasks
      job.getJobExecutionResult().handle((result, cancelled) -> null).get(1, TimeUnit.MINUTES);
    }
  }
}
