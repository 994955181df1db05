package io.murmuration.release;

import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.api.connector.sink2.CommittableWithLineage;
import org.apache.flink.util.Collector;

/** Takes the announcement out of what the committer committed. */
final class AnnounceFunction
    implements FlatMapFunction<CommittableMessage<PublishCommittable>, Announcement> {

  private static final long serialVersionUID = 1L;

  @Override
  public void flatMap(CommittableMessage<PublishCommittable> message, Collector<Announcement> out) {
    if (message instanceof CommittableWithLineage<PublishCommittable> committed) {
      out.collect(committed.getCommittable().announcement());
    }
  }
}
