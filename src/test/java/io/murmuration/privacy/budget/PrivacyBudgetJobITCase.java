package io.murmuration.privacy.budget;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.BudgetSignalSerializer;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundExecuted;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.client.JobCancellationException;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The operator in a real job: its settings travel, its mailbox works, it can be cancelled. */
@Timeout(900)
class PrivacyBudgetJobITCase {

  @TempDir Path directory;

  /** Stands in for the trainer: has a model, and executes each round by acknowledging it. */
  private static final class Acknowledge extends RichMapFunction<BudgetSignal, Long> {
    private static final long serialVersionUID = 1L;

    private final String submission;
    private transient RoundFeedback.Publisher publisher;

    Acknowledge(String submission) {
      this.submission = submission;
    }

    @Override
    public Long map(BudgetSignal signal) throws Exception {
      if (publisher == null) {
        publisher = new InMemoryRoundFeedback(Budgets.DOMAIN).publisher();
      }
      if (signal instanceof EpochStart start) {
        announce(start.epoch(), /* round= */ 0);
      } else if (signal instanceof Grant grant) {
        announce(grant.epoch(), grant.round());
        publisher.executed(new RoundExecuted(grant.epoch(), grant.round()));
      }
      return signal.epoch();
    }

    private void announce(long epoch, long round) throws Exception {
      String digest = "%064x".formatted(round);
      publisher.announced(new ModelVersion(submission, epoch, round, digest, digest));
    }
  }

  @Test
  void runsToTheBudgetAndHaltsAtOnceWhenStartedAgain() throws Exception {
    List<String> first = runUntilHalt();
    assertThat(first).containsExactly("1", "2", "3", "BUDGET_SPENT");
    List<String> second = runUntilHalt();
    assertThat(second).containsExactly("BUDGET_SPENT");
    Ledger ledger = new FileLedger(file());
    LedgerState state = LedgerState.of(ledger.read(), ledger.location());
    assertThat(state.epoch()).isEqualTo(2);
    assertThat(state.rounds()).isEqualTo(3);
  }

  @Test
  void aLedgerThatIsRefusedEndsTheJobWithoutRestarts() throws Exception {
    LedgerSession other = Budgets.session(FileLedger.factory(file()), Budgets.terms(7), "other");
    other.open(0);
    other.close();
    JobClient job = submit();
    assertThat(job.getJobExecutionResult())
        .completesExceptionallyWithin(Duration.ofSeconds(60))
        .withThrowableThat()
        .havingRootCause()
        .withMessageContaining("epsilon budget is 7.0 but 3.0 is configured");
  }

  private List<String> runUntilHalt() throws Exception {
    List<String> seen = new java.util.concurrent.CopyOnWriteArrayList<>();
    CountDownLatch halted = new CountDownLatch(1);
    BudgetObserver observer =
        new BudgetObserver() {
          @Override
          public void granted(Grant grant) {
            seen.add(Long.toString(grant.round()));
          }

          @Override
          public void halted(HaltReason reason, long round, double epsilonSpent) {
            seen.add(reason.name());
            halted.countDown();
          }

          @Override
          public void waiting(String why) {
            seen.add("waiting");
          }
        };
    try (BudgetObservers.Registration registration =
        BudgetObservers.observe(Budgets.DOMAIN, observer)) {
      JobClient job = submit();
      assertThat(halted.await(60, TimeUnit.SECONDS)).isTrue();
      job.cancel().get();
      assertThat(job.getJobExecutionResult())
          .completesExceptionallyWithin(Duration.ofSeconds(60))
          .withThrowableThat()
          .havingRootCause()
          .isInstanceOf(JobCancellationException.class);
    }
    return seen;
  }

  private JobClient submit() throws Exception {
    Configuration configuration = new Configuration();
    configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
    configuration.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 1_000_000);
    StreamExecutionEnvironment environment =
        StreamExecutionEnvironment.createLocalEnvironment(1, configuration);
    environment.enableCheckpointing(200);
    GeneratorFunction<Long, Long> index = i -> i;
    DataGeneratorSource<Long> clock =
        new DataGeneratorSource<>(
            index, Long.MAX_VALUE, RateLimiterStrategy.perSecond(50), Types.LONG);
    String submission = UUID.randomUUID().toString();
    PrivacyBudgetOperator.Settings settings =
        new PrivacyBudgetOperator.Settings(
            Budgets.terms(3),
            FileLedger.factory(file()),
            LinearAccountant.FACTORY,
            ReleaseWitness.NONE,
            new InMemoryRoundFeedback(Budgets.DOMAIN),
            DurabilityTerms.of(1),
            /* checkpointPause= */ Duration.ofMillis(10),
            submission,
            /* input= */ null);
    environment
        .fromSource(clock, WatermarkStrategy.noWatermarks(), "clock")
        .transform(
            "privacy budget",
            new BudgetSignalSerializer().typeInfo(BudgetSignal.class),
            new PrivacyBudgetOperator.Factory(settings))
        .uid("privacy-budget")
        .map(new Acknowledge(submission))
        .sinkTo(new DiscardingSink<>());
    return environment.executeAsync("budget");
  }

  private Path file() {
    return directory.resolve("ledger.jsonl");
  }
}
