package io.murmuration.release;

import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.serialization.ValueSerializer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.api.connector.sink2.CommitterInitContext;
import org.apache.flink.api.connector.sink2.CommittingSinkWriter;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.StatefulSinkWriter;
import org.apache.flink.api.connector.sink2.SupportsCommitter;
import org.apache.flink.api.connector.sink2.SupportsWriterState;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.api.connector.sink2.SupportsPostCommitTopology;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes noisy models in two phases: staged when they arrive, visible once the checkpoint that
 * contains them has completed, announced after that. A job's sink is {@link #onSchedule}.
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
 * <p>The writer's state is the id of its store, so that after a restore nothing is published into a
 * place where that store should be and is not. What it staged since the last barrier leaves as
 * committables before the barrier. Directories that a failed attempt staged stay in staging, inside
 * the trust boundary, and are never made visible.
 *
 * <p>Parallelism and max parallelism 1.
 *
 * <p>Long because the writer, the committer and what they hand over are one protocol.
 */
public final class PublishSink
    implements Sink<RoundRelease>,
        SupportsCommitter<PublishCommittable>,
        SupportsWriterState<RoundRelease, String>,
        SupportsPostCommitTopology<PublishCommittable> {

  private static final long serialVersionUID = 1L;

  /** Gauge: the newest round that this attempt of the job published; 0 before the first. */
  public static final String RELEASED_ROUND = "releasedRound";

  /** Gauge: milliseconds since this attempt of the job last published; -1 before the first. */
  public static final String RELEASE_AGE = "millisSinceRelease";

  /** Counter: releases that were certainly lost from staging, and given up. */
  public static final String RELEASES_LOST = "releasesLost";

  /** How often Flink is to repeat a commit, see {@link CommitRetries}. */
  public static final int COMMIT_RETRIES = 10;

  /** How long commits are tried in total; the checkpoint timeout must be at least twice as long. */
  public static final Duration COMMIT_PATIENCE = Duration.ofMinutes(1);

  /**
   * Ticks from the charge of a round to the beginning of the tick at which its release is due to be
   * visible: one for the round, one for the checkpoint that makes it durable.
   */
  public static final int TICKS_TO_RELEASE = 2;

  /** Begins the log line of a release that is given up. */
  public static final String GIVEN_UP = "A release is given up";

  private static final Logger LOG = LoggerFactory.getLogger(PublishSink.class);

  private final ModelStore.Provider store;
  private final ReleaseContext context;
  private final Sink<Announcement> announcements;
  private final CommitRetries retries;
  private final boolean acceptOtherStore;
  private final boolean onSchedule;

  /**
   * A sink that makes releases visible as soon as they are durable.
   *
   * @param store where releases go; writer and committer open it each for themselves
   * @param context what all releases have in common
   * @param announcements where announcements go once a release is visible; at least once is enough,
   *     and unlike exactly once it needs no further checkpoint to send the last of them
   */
  public PublishSink(
      ModelStore.Provider store, ReleaseContext context, Sink<Announcement> announcements) {
    this(
        store,
        context,
        announcements,
        CommitRetries.OF_JOBS,
        /* acceptOtherStore= */ false,
        /* onSchedule= */ false);
  }

  private PublishSink(
      ModelStore.Provider store,
      ReleaseContext context,
      Sink<Announcement> announcements,
      CommitRetries retries,
      boolean acceptOtherStore,
      boolean onSchedule) {
    this.store = store;
    this.context = context;
    this.announcements = announcements;
    this.retries = retries;
    this.acceptOtherStore = acceptOtherStore;
    this.onSchedule = onSchedule;
  }

  /**
   * The same for a job whose releases become visible at the ticks at which they are due, {@link
   * #TICKS_TO_RELEASE} after their charge, whenever within that time they were durable.
   */
  public PublishSink onSchedule() {
    return new PublishSink(
        store, context, announcements, retries, acceptOtherStore, /* onSchedule= */ true);
  }

  /** The same with other pauses between attempts to commit. */
  PublishSink withRetries(CommitRetries other) {
    return new PublishSink(store, context, announcements, other, acceptOtherStore, onSchedule);
  }

  /**
   * The same for a job that is moved to another store on purpose: what waits in the old one for its
   * commit is given up.
   */
  public PublishSink acceptingOtherStore() {
    return new PublishSink(
        store, context, announcements, retries, /* acceptOtherStore= */ true, onSchedule);
  }

  /** Whether releases wait for their tick. */
  boolean isOnSchedule() {
    return onSchedule;
  }

  @Override
  public SinkWriter<RoundRelease> createWriter(WriterInitContext init) throws IOException {
    return writer(store.open());
  }

  @Override
  public StatefulSinkWriter<RoundRelease, String> restoreWriter(
      WriterInitContext init, Collection<String> storeIds) throws IOException {
    if (acceptOtherStore) {
      return writer(store.open());
    }
    ModelStore opened = store.reopen();
    for (String id : storeIds) {
      if (!id.equals(opened.id())) {
        throw new IOException(
            ("The restored state published to model store %s, but store %s is found in its place."
                    + " Mount the first, or move to the other on purpose with"
                    + " releases.accept-other-store: true for one start")
                .formatted(id, opened.id()));
      }
    }
    return writer(opened);
  }

  private StagingWriter writer(ModelStore opened) throws IOException {
    new ReleaseCatalog(opened).requireDomain(context.domain());
    return new StagingWriter(opened, context);
  }

  @Override
  public SimpleVersionedSerializer<String> getWriterStateSerializer() {
    return new StoreIdSerializer();
  }

  @Override
  public Committer<PublishCommittable> createCommitter(CommitterInitContext init)
      throws IOException {
    return onSchedule
        ? new WaitingCommitter()
        : committer(init.getRestoredCheckpointId().isPresent(), init.metricGroup());
  }

  /** What makes releases visible, in a job of this sink. */
  Committer<PublishCommittable> committer(boolean restored, MetricGroup metrics)
      throws IOException {
    PublishCommitter committer =
        new PublishCommitter(
            restored && !acceptOtherStore ? store.reopen() : store.open(),
            retries,
            acceptOtherStore,
            metrics.counter("releasesPublished"),
            metrics.counter(RELEASES_LOST));
    metrics.gauge(RELEASED_ROUND, () -> committer.releasedRound);
    metrics.gauge(RELEASE_AGE, committer::millisSinceRelease);
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
        .transform(
            "announce",
            serializer.typeInfo(Announcement.class),
            new AnnounceOperator(onSchedule ? this : null))
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
      implements CommittingSinkWriter<RoundRelease, PublishCommittable>,
          StatefulSinkWriter<RoundRelease, String> {

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
      Announcement announcement = Announcement.of(files, name.digest());
      Grant grant = release.grant();
      staged.add(
          new PublishCommittable(
              name, announcement, grant.clock(), grant.tick() + TICKS_TO_RELEASE));
    }

    @Override
    public Collection<PublishCommittable> prepareCommit() {
      List<PublishCommittable> committables = staged;
      staged = new ArrayList<>();
      return committables;
    }

    @Override
    public List<String> snapshotState(long checkpoint) {
      return List.of(store.id());
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

  /** Says of each release that it is durable; {@link AnnounceOperator} makes it visible. */
  private static final class WaitingCommitter implements Committer<PublishCommittable> {

    @Override
    public void commit(Collection<CommitRequest<PublishCommittable>> requests) {
      // the checkpoint is complete, and that is all there is to say
    }

    @Override
    public void close() {
      // nothing is open
    }
  }

  /**
   * One verdict for each kind of failure:
   *
   * <table>
   * <caption>Verdicts</caption>
   * <tr><td>visible with the same digest</td><td>already committed</td></tr>
   * <tr><td>visible with another digest</td><td>the job fails: two releases of one round</td></tr>
   * <tr><td>certainly neither staged nor visible</td><td>given up, with an error in the log and in
   *     the metrics: a restart would find it no better, and the charge stands</td></tr>
   * <tr><td>staged in a store that was left on purpose</td><td>given up likewise</td></tr>
   * <tr><td>any other I/O error, a store that is away among them</td><td>tried again after a
   *     growing pause, see {@link CommitRetries}; then Flink fails the job and the next attempt
   *     commits it</td></tr>
   * </table>
   *
   * <p>Flink commits on the task's thread, so that a pause holds back barriers, and with them the
   * next charge: while releases cannot be made visible, nothing is spent on more of them.
   */
  private static final class PublishCommitter implements Committer<PublishCommittable> {

    private final ModelStore store;
    private final CommitRetries retries;
    private final boolean acceptOtherStore;
    private final Counter published;
    private final Counter lost;
    private volatile long releasedRound;
    private volatile long releasedAtNanos;

    PublishCommitter(
        ModelStore store,
        CommitRetries retries,
        boolean acceptOtherStore,
        Counter published,
        Counter lost) {
      this.store = store;
      this.retries = retries;
      this.acceptOtherStore = acceptOtherStore;
      this.published = published;
      this.lost = lost;
    }

    private long millisSinceRelease() {
      return releasedRound == 0
          ? -1
          : TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - releasedAtNanos);
    }

    @Override
    public void commit(Collection<CommitRequest<PublishCommittable>> requests)
        throws InterruptedException {
      int retry = requests.stream().mapToInt(CommitRequest::getNumberOfRetries).max().orElse(0);
      if (retry > 0) {
        retries.pauseBefore(retry);
      }
      for (CommitRequest<PublishCommittable> request : requests) {
        ModelStore.Staged staged = request.getCommittable().staged();
        try {
          boolean left = !staged.store().isEmpty() && !staged.store().equals(store.id());
          if (acceptOtherStore && left) {
            throw new ReleaseLostException(
                staged.name(), "it is staged in store " + staged.store() + ", which was left");
          }
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
          LOG.error("{}: {}", GIVEN_UP, e.getMessage());
          lost.inc();
          request.signalFailedWithKnownReason(e);
        } catch (IOException e) {
          LOG.warn(
              "Release {} could not be published, attempt {} of {}: {}",
              staged.name(),
              request.getNumberOfRetries() + 1,
              retries.retries() + 1,
              e.getMessage());
          LOG.debug("Why a release could not be published", e);
          request.retryLater();
        }
      }
    }

    @Override
    public void close() {
      // the store holds nothing open
    }
  }

  /** The id of a store in the writer's state. Version 1: UTF-8. */
  private static final class StoreIdSerializer implements SimpleVersionedSerializer<String> {

    private static final int VERSION = 1;

    @Override
    public int getVersion() {
      return VERSION;
    }

    @Override
    public byte[] serialize(String id) {
      return id.getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public String deserialize(int version, byte[] serialized) throws IOException {
      if (version != VERSION) {
        throw new IOException(
            "the checkpoint names the model store in format version %d but this release reads version %d; run a release of Murmuration at least as new as the one that wrote it"
                .formatted(version, VERSION));
      }
      return new String(serialized, StandardCharsets.UTF_8);
    }
  }
}
