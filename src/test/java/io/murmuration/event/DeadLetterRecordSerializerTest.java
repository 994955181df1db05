package io.murmuration.event;

import static io.murmuration.event.RawRecords.record;
import static io.murmuration.event.RawRecords.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.junit.jupiter.api.Test;

class DeadLetterRecordSerializerTest {

  private final DeadLetterRecordSerializer serializer =
      new DeadLetterRecordSerializer("dead-letters", 1000);

  private ProducerRecord<byte[], byte[]> serialize(byte[] key, byte[] value) {
    DeadLetter letter =
        new DeadLetter(RejectionReason.EMPTY_TEXT, "must not be empty", record(key, value));
    return serializer.serialize(letter, null, 7L);
  }

  private static Map<String, String> headers(ProducerRecord<byte[], byte[]> record) {
    Map<String, String> headers = new HashMap<>();
    for (Header header : record.headers()) {
      headers.put(header.key(), new String(header.value(), StandardCharsets.UTF_8));
    }
    return headers;
  }

  @Test
  void record_carriesOriginalBytesReasonAndOrigin_stampedWithWallTime() {
    long before = System.currentTimeMillis();
    ProducerRecord<byte[], byte[]> record = serialize(utf8("ann"), new byte[] {1, 2, 3});
    assertThat(record.topic()).isEqualTo("dead-letters");
    assertThat(record.key()).isEqualTo(utf8("ann"));
    assertThat(record.value()).containsExactly(1, 2, 3);
    assertThat(record.timestamp()).isBetween(before, System.currentTimeMillis());
    assertThat(headers(record))
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(
                "murmuration.reason", "EMPTY_TEXT",
                "murmuration.detail", "must not be empty",
                "murmuration.topic", "interactions",
                "murmuration.partition", "3",
                "murmuration.offset", "42",
                "murmuration.timestamp-millis", "1700000000000"));
  }

  @Test
  void oversizeRecord_isCut_andSaysSo() {
    ProducerRecord<byte[], byte[]> record = serialize(new byte[1 << 20], new byte[5]);
    assertThat(record.key()).hasSize(1000);
    assertThat(record.value()).isEmpty();
    assertThat(headers(record))
        .containsEntry("murmuration.key-bytes", "1048576")
        .containsEntry("murmuration.value-bytes", "5")
        .containsEntry(
            "murmuration.value-sha256",
            // of five zero bytes, as sha256sum prints it
            "8855508aade16ec573d21e6a485dfd0a7624085c1a14b5ecdd6485de0c6839a4");
    assertThat(serialize(utf8("ann"), new byte[2000]).value()).hasSize(997);
  }

  @Test
  void missingKeyOrValue_staysMissing() {
    ProducerRecord<byte[], byte[]> record = serialize(null, null);
    assertThat(record.key()).isNull();
    assertThat(record.value()).isNull();
  }
}
