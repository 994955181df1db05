package io.murmuration.privacy.budget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.privacy.ledger.KafkaEndpoint;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundExecuted;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A broker that goes away between train and privacy budget. */
@Timeout(900)
class KafkaRoundFeedbackTroubleITCase {

  @TempDir private Path data;
  private final BlockingQueue<RoundExecuted> received = new LinkedBlockingQueue<>();
  private final BlockingQueue<Throwable> failures = new LinkedBlockingQueue<>();

  @Test
  void bothEndsGoOnOnceTheBrokerIsBack() throws Exception {
    int port = EmbeddedKafka.freePort();
    RoundFeedback feedback = new KafkaRoundFeedback("domain", endpoint(port));
    RoundFeedback.Publisher publisher = feedback.publisher();
    assertThatThrownBy(() -> feedback.subscribe(new Listener()))
        .isInstanceOf(LedgerException.Unavailable.class);
    assertThatThrownBy(() -> publisher.executed(new RoundExecuted(1, 1)))
        .as("never connected")
        .isInstanceOf(IOException.class);

    AtomicReference<RoundFeedback.Subscription> subscription = new AtomicReference<>();
    try (EmbeddedKafka kafka = EmbeddedKafka.start(data, port)) {
      patiently(() -> subscription.set(feedback.subscribe(new Listener())));
      patiently(() -> publisher.executed(new RoundExecuted(1, 1)));
      awaitReceived(new RoundExecuted(1, 1));
    }
    assertThatThrownBy(() -> publisher.executed(new RoundExecuted(1, 2)))
        .as("connected once")
        .isInstanceOf(IOException.class)
        .hasMessage("That round 2 was executed could not be sent to Kafka topic 'feedback'");

    try (EmbeddedKafka kafka = EmbeddedKafka.start(data, port)) {
      patiently(() -> publisher.executed(new RoundExecuted(1, 2)));
      awaitReceived(new RoundExecuted(1, 2));
      assertThat(failures).isEmpty();
      subscription.get().close();
      publisher.close();
    }
  }

  private interface Action {
    void run() throws Exception;
  }

  /** Again and again, as the job does: a broker that has just started may take its time. */
  private static void patiently(Action action) {
    await()
        .ignoreExceptionsMatching(
            e -> e instanceof IOException || e instanceof LedgerException.Unavailable)
        .until(
            () -> {
              action.run();
              return true;
            });
  }

  /** What was sent more than once may arrive more than once. */
  private void awaitReceived(RoundExecuted expected) {
    await().until(() -> expected.equals(received.poll(1, TimeUnit.SECONDS)));
  }

  private final class Listener implements RoundFeedback.Listener {

    @Override
    public void announced(ModelVersion model) {
      failures.add(new AssertionError("nobody announced " + model));
    }

    @Override
    public void executed(RoundExecuted executed) {
      received.add(executed);
    }

    @Override
    public void failed(Throwable failure) {
      failures.add(failure);
    }
  }

  private static KafkaEndpoint endpoint(int port) {
    return new KafkaEndpoint(
        "feedback",
        Map.of("bootstrap.servers", "127.0.0.1:" + port, "reconnect.backoff.max.ms", "200"),
        /* createTopic= */ true,
        /* replicationFactor= */ 1,
        Duration.ofSeconds(2));
  }
}
