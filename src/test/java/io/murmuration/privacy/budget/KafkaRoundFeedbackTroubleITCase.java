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
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A broker that goes away between train and privacy budget. */
@Timeout(120)
class KafkaRoundFeedbackTroubleITCase {

  @TempDir private Path data;
  private final BlockingQueue<RoundExecuted> received = new LinkedBlockingQueue<>();
  private final BlockingQueue<Throwable> failures = new LinkedBlockingQueue<>();

  @Test
  void bothEndsGoOnOnceTheBrokerIsBack() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    RoundFeedback feedback = new KafkaRoundFeedback("domain", endpoint(port));
    RoundFeedback.Publisher publisher = feedback.publisher();
    assertThatThrownBy(() -> feedback.subscribe(new Listener()))
        .isInstanceOf(LedgerException.Unavailable.class);
    assertThatThrownBy(() -> publisher.executed(new RoundExecuted(1, 1)))
        .as("never connected")
        .isInstanceOf(IOException.class);

    RoundFeedback.Subscription subscription;
    try (EmbeddedKafka kafka = EmbeddedKafka.start(data, port)) {
      subscription = feedback.subscribe(new Listener());
      publisher.executed(new RoundExecuted(1, 1));
      assertThat(received.poll(30, TimeUnit.SECONDS)).isEqualTo(new RoundExecuted(1, 1));
    }
    assertThatThrownBy(() -> publisher.executed(new RoundExecuted(1, 2)))
        .as("connected once")
        .isInstanceOf(IOException.class)
        .hasMessage("That round 2 was executed could not be sent to Kafka topic 'feedback'");

    try (EmbeddedKafka kafka = EmbeddedKafka.start(data, port)) {
      await()
          .atMost(Duration.ofSeconds(40))
          .ignoreExceptionsInstanceOf(IOException.class)
          .until(
              () -> {
                publisher.executed(new RoundExecuted(1, 2));
                return true;
              });
      assertThat(received.poll(40, TimeUnit.SECONDS)).isEqualTo(new RoundExecuted(1, 2));
      assertThat(failures).isEmpty();
      subscription.close();
      publisher.close();
    }
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
