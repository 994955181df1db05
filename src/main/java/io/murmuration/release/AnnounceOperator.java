package io.murmuration.release;

import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.api.connector.sink2.CommittableWithLineage;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Takes the announcement out of what the committer committed.
 *
 * <p>A job that is drained commits its last releases after the end of its input, when Flink's sinks
 * accept nothing any more and would fail the job for it. Their announcements are therefore left
 * out, with a warning; the releases are visible all the same. A run ends by stop-with-savepoint
 * without drain, which has no such end.
 */
final class AnnounceOperator extends AbstractStreamOperator<Announcement>
    implements OneInputStreamOperator<CommittableMessage<PublishCommittable>, Announcement>,
        BoundedOneInput {

  private static final long serialVersionUID = 1L;

  private transient boolean inputEnded;

  @Override
  public void processElement(StreamRecord<CommittableMessage<PublishCommittable>> element) {
    if (!(element.getValue() instanceof CommittableWithLineage<PublishCommittable> committed)) {
      return;
    }
    Announcement announcement = committed.getCommittable().announcement();
    if (inputEnded) {
      LOG.warn(
          "Release {} is published but not announced, since the job was drained; stop it with a"
              + " savepoint and without drain instead",
          announcement.key());
      return;
    }
    output.collect(new StreamRecord<>(announcement));
  }

  @Override
  public void endInput() {
    inputEnded = true;
  }
}
