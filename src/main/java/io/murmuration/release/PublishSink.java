package io.murmuration.release;

import io.murmuration.serialization.ValueSerializer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.api.connector.sink2.CommitterInitContext;
import org.apache.flink.api.connector.sink2.CommittingSinkWriter;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.SupportsCommitter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.metrics.Counter;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.api.connector.sink2.SupportsPostCommitTopology;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes noisy models in two phases: staged when they arrive, visible when the checkpoint that
 * contains them has completed, announced after that.
 *
 * <p>Why nothing is published twice or early. The proof needs three things.
 *
 * <ol>
 *   <li>A round reaches this sink at most once per history: rounds are granted once, ever, and a
 *       restore voids those in flight.
 *   <li>The files are a function of context and round release alone, so that a replay of the same
 *       record stages the same bytes under the same name.
 *   <li>Flink calls the committer only after the checkpoint that holds the committable is complete,
 *       and repeats it after every restore from that checkpoint; the store recognises what is
 *       already visible by its digest.
 * </ol>
 *
 * <p>The writer keeps no state: what it staged since the last barrier leaves as committables before
 * the barrier. Directories that a failed attempt staged stay in staging, inside the trust boundary,
 * and are never made visible.
 *
 * <p>Parallelism and max parallelism 1.
 */
public final class PublishSink
    implements Sink<RoundRelease>,
        SupportsCommitter<PublishCommittable>,
        SupportsPostCommitTopology<PublishCommittable> {

  private static final long serialVersionUID = 1L;

  /** Gauge: the newest round that this attempt of the job published; 0 before the first. */
  public static final String RELEASED_ROUND = "releasedRound";

  /** Gauge: milliseconds since this attempt of the job last published; -1 before the first. */
  public static final String RELEASE_AGE = "millisSinceRelease";

  private static final Logger LOG = LoggerFactory.getLogger(PublishSink.class);

  private final ModelStore.Provider store;
  private final ReleaseContext context;
  private final Sink<Announcement> announcements;

  /**
   * A sink.
   *
   * @param store where releases go; writer and committer open it each for themselves
   * @param context what all releases have in common
   * @param announcements where announcements go once a release is visible; at least once is enough,
   *     and unlike exactly once it needs no further checkpoint to send the last of them
   */
  public PublishSink(
      ModelStore.Provider store, ReleaseContext context, Sink<Announcement> announcements) {
    this.store = store;
    this.context = context;
    this.announcements = announcements;
  }

  @Override
  public SinkWriter<RoundRelease> createWriter(WriterInitContext init) throws IOException {
    ModelStore opened = store.open();
    new ReleaseCatalog(opened).requireDomain(context.domain());
    return new StagingWriter(opened, context);
  }

  @Override
  public Committer<PublishCommittable> createCommitter(CommitterInitContext init)
      throws IOException {
    PublishCommitter committer =
        new PublishCommitter(store.open(), init.metricGroup().counter("releasesPublished"));
    init.metricGroup().gauge(RELEASED_ROUND, () -> committer.releasedRound);
    init.metricGroup().gauge(RELEASE_AGE, committer::millisSinceRelease);
    return committer;
  }

  @Override
  public SimpleVersionedSerializer<PublishCommittable> getCommittableSerializer() {
    return new PublishCommittableSerializer();
  }

  @Override
  public void addPostCommitTopology(
      DataStream<CommittableMessage<PublishCommittable>> committables) {
    ValueSerializer<Announcement> serializer = new AnnouncementSerializer();
    committables
        .transform("announce", serializer.typeInfo(Announcement.class), new AnnounceOperator())
        .uid("announce")
        .setParallelism(1)
        .setMaxParallelism(1)
        .sinkTo(announcements)
        .name("releases topic")
        .uid("releases-topic")
        .setParallelism(1)
        .setMaxParallelism(1);
  }

  /** Stages each release when it arrives. */
  private static final class StagingWriter
      implements CommittingSinkWriter<RoundRelease, PublishCommittable> {

    private final ModelStore store;
    private final ReleaseContext context;
    private List<PublishCommittable> staged = new ArrayList<>();

    StagingWriter(ModelStore store, ReleaseContext context) {
      this.store = store;
      this.context = context;
    }

    @Override
    public void write(RoundRelease release, Context element) throws IOException {
      ReleaseFiles files = ReleaseFiles.of(context, release);
      ModelStore.Staged name = store.stage(files);
      staged.add(new PublishCommittable(name, Announcement.of(files, name.digest())));
    }

    @Override
    public Collection<PublishCommittable> prepareCommit() {
      List<PublishCommittable> committables = staged;
      staged = new ArrayList<>();
      return committables;
    }

    @Override
    public void flush(boolean endOfInput) {
      // every release is durable when write returns
    }

    @Override
    public void close() {
      // the store holds nothing open
    }
  }

  /**
   * One verdict for each kind of failure:
   *
   * <table>
   * <caption>Verdicts</caption>
   * <tr><td>visible with the same digest</td><td>already committed</td></tr>
   * <tr><td>visible with another digest</td><td>the job fails: two releases of one round</td></tr>
   * <tr><td>neither staged nor visible</td><td>given up, with an error in the log: a restart would
   *     find it no better, and the charge stands</td></tr>
   * <tr><td>any other I/O error</td><td>retried, as often as {@code sink.committer.retries} says;
   *     then Flink fails the job and the next attempt commits it</td></tr>
   * </table>
   */
  private static final class PublishCommitter implements Committer<PublishCommittable> {

    private final ModelStore store;
    private final Counter published;
    private volatile long releasedRound;
    private volatile long releasedAtNanos;

    PublishCommitter(ModelStore store, Counter published) {
      this.store = store;
      this.published = published;
    }

    private long millisSinceRelease() {
      return releasedRound == 0
          ? -1
          : TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - releasedAtNanos);
    }

    @Override
    public void commit(Collection<CommitRequest<PublishCommittable>> requests) {
      for (CommitRequest<PublishCommittable> request : requests) {
        ModelStore.Staged staged = request.getCommittable().staged();
        try {
          if (store.commit(staged) == ModelStore.Outcome.ALREADY_PUBLISHED) {
            LOG.info("Release {} is already published", staged.name());
            request.signalAlreadyCommitted();
          } else {
            LOG.info("Published release {}", staged.name());
            published.inc();
          }
          releasedAtNanos = System.nanoTime();
          releasedRound = Math.max(releasedRound, request.getCommittable().announcement().round());
        } catch (ReleaseConflictException e) {
          request.signalFailedWithUnknownReason(e);
        } catch (ReleaseLostException e) {
          LOG.error("A release is given up", e);
          request.signalFailedWithKnownReason(e);
        } catch (IOException e) {
          LOG.warn(
              "Release {} could not be published, attempt {}; trying again",
              staged.name(),
              request.getNumberOfRetries() + 1,
              e);
          request.retryLater();
        }
      }
    }

    @Override
    public void close() {
      // the store holds nothing open
    }
  }
}
