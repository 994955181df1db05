package io.murmuration.serving;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class ReleasesTopicTest {

  private static final TopicPartition PARTITION = new TopicPartition("releases", 0);

  private static final class Broker extends MockConsumer<byte[], byte[]> {
    Broker() {
      super("latest");
      updatePartitions("releases", List.of(new PartitionInfo("releases", 0, null, null, null)));
      updateEndOffsets(Map.of(PARTITION, 5L));
    }
  }

  @Test
  void looksOnceItListens_andForWhatComesThen() throws Exception {
    Broker broker = new Broker();
    BlockingQueue<String> heard = new LinkedBlockingQueue<>();
    try (ReleasesTopic topic =
        ReleasesTopic.listen("releases", () -> broker, () -> heard.add("heard"))) {
      assertThat(heard.poll(1, TimeUnit.MINUTES)).isEqualTo("heard");

      broker.schedulePollTask(
          () -> broker.addRecord(new ConsumerRecord<>("releases", 0, 5, null, new byte[] {1})));

      assertThat(heard.poll(1, TimeUnit.MINUTES)).isEqualTo("heard");
    }
    assertThat(broker.closed()).isTrue();
  }
}
