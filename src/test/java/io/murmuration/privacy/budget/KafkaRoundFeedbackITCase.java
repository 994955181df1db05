package io.murmuration.privacy.budget;

import io.murmuration.demo.EmbeddedKafka;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

class KafkaRoundFeedbackITCase extends RoundFeedbackContract {

  @TempDir static Path data;
  private static EmbeddedKafka kafka;

  @BeforeAll
  static void startKafka() throws Exception {
    kafka = EmbeddedKafka.start(data, EmbeddedKafka.ANY_PORT);
    kafka.createTopic("feedback", 1, Map.of());
  }

  @AfterAll
  static void stopKafka() {
    kafka.close();
  }

  @Override
  RoundFeedback feedback(String domain) {
    return new KafkaRoundFeedback(
        domain,
        KafkaEndpoint.of("feedback", Map.of("bootstrap.servers", kafka.bootstrapServers()), 1));
  }
}
