package io.murmuration.job;

import io.murmuration.event.EventFormat;
import io.murmuration.event.RawRecord;
import io.murmuration.event.RecordGate;
import java.io.IOException;
import java.util.Optional;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.KafkaSourceEnumState;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * Kafka's source, with a gate behind it: while the gate is shut for a record, the source has
 * nothing to give and checkpoints go on. Its state is that of Kafka's source, so that a format may
 * change between savepoints.
 */
final class GatedSource
    implements Source<RawRecord, KafkaPartitionSplit, KafkaSourceEnumState>,
        ResultTypeQueryable<RawRecord> {

  private static final long serialVersionUID = 1L;

  private final KafkaSource<RawRecord> kafka;
  private final KafkaSource<RawRecord> restored;

  /** Makes the sources of readers where users are counted; null where they are not. */
  private final ReadPositions.Source counted;

  private final EventFormat format;

  /** Holds back what the format asks for. */
  GatedSource(KafkaSource<RawRecord> kafka, EventFormat format) {
    this(kafka, kafka, /* counted= */ null, format);
  }

  /**
   * The same where users are counted, so that it matters where a partition begins that no state
   * knows, and that nothing is left out.
   *
   * @param kafka at a start without state
   * @param restored at a start from state
   * @param counted the source of each reader
   */
  GatedSource(
      KafkaSource<RawRecord> kafka,
      KafkaSource<RawRecord> restored,
      ReadPositions.Source counted,
      EventFormat format) {
    this.kafka = kafka;
    this.restored = restored;
    this.counted = counted;
    this.format = format;
  }

  @Override
  public Boundedness getBoundedness() {
    return kafka.getBoundedness();
  }

  @Override
  public SourceReader<RawRecord, KafkaPartitionSplit> createReader(SourceReaderContext context)
      throws Exception {
    Optional<RecordGate> gate = format.openGate();
    context
        .metricGroup()
        .gauge("schemaRegistryAway", () -> gate.filter(RecordGate::isAway).isPresent() ? 1 : 0);
    if (counted == null) {
      return gated(kafka.createReader(context), gate);
    }
    ReadPositions positions = new ReadPositions();
    return new PlacedReader(
        gated(new LostRecordsReader(counted.telling(positions).createReader(context)), gate),
        positions);
  }

  private static SourceReader<RawRecord, KafkaPartitionSplit> gated(
      SourceReader<RawRecord, KafkaPartitionSplit> reader, Optional<RecordGate> gate) {
    return gate.isPresent() ? new GatedReader(reader, gate.get()) : reader;
  }

  @Override
  public SplitEnumerator<KafkaPartitionSplit, KafkaSourceEnumState> createEnumerator(
      SplitEnumeratorContext<KafkaPartitionSplit> context) {
    return kafka.createEnumerator(context);
  }

  @Override
  public SplitEnumerator<KafkaPartitionSplit, KafkaSourceEnumState> restoreEnumerator(
      SplitEnumeratorContext<KafkaPartitionSplit> context, KafkaSourceEnumState state)
      throws IOException {
    return restored.restoreEnumerator(context, state);
  }

  @Override
  public SimpleVersionedSerializer<KafkaPartitionSplit> getSplitSerializer() {
    return kafka.getSplitSerializer();
  }

  @Override
  public SimpleVersionedSerializer<KafkaSourceEnumState> getEnumeratorCheckpointSerializer() {
    return kafka.getEnumeratorCheckpointSerializer();
  }

  @Override
  public TypeInformation<RawRecord> getProducedType() {
    return kafka.getProducedType();
  }
}
