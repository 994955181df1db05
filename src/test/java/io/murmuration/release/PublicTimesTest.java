package io.murmuration.release;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.budget.Budgets;
import io.murmuration.privacy.budget.DurabilityGate;
import io.murmuration.privacy.budget.DurabilityTerms;
import io.murmuration.privacy.budget.LedgerSession;
import io.murmuration.privacy.budget.RoundCoordinator;
import io.murmuration.privacy.budget.RoundCoordinator.Step;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundExecuted;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.IntUnaryOperator;
import java.util.stream.Stream;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.runtime.operators.sink.CommitterOperatorFactory;
import org.apache.flink.streaming.runtime.operators.sink.SinkWriterOperatorFactory;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * One job twice, by a clock of its own: what differs is how long rounds and checkpoints take. As
 * long as they fit, everything that leaves the trust boundary is the same to the byte: the ledger,
 * manifests, announcements, dates, and the moment at which each appears.
 */
class PublicTimesTest {

  private static final long GENESIS = 1_700_000_000_000L;
  private static final int INTERVAL = (int) Budgets.INTERVAL.toMillis();
  private static final int ROUNDS = 5;
  private static final int LENGTH = 10 * INTERVAL;

  private static final Sink<Announcement> NO_TOPIC =
      init -> {
        throw new UnsupportedOperationException("the harness has no topology behind the committer");
      };

  /** Milliseconds since the genesis; static, since a planted store must know them. */
  private static int now;

  @TempDir private Path directory;

  @Test
  void whatFitsItsIntervalLeavesNoTrace() throws Exception {
    Seen quick = run("quick", round -> 1, checkpoint -> 1, onSchedule("quick"));
    Seen slow =
        run("slow", round -> 20 + 7 * round % 50, id -> 3 + 11 * id % 30, onSchedule("slow"));

    assertThat(quick.events).hasSizeGreaterThan(3 * ROUNDS);
    assertThat(quick.files).hasSizeGreaterThan(3 * ROUNDS).containsKey("round-00000005");
    assertThat(slow).isEqualTo(quick);
  }

  /** Everything appears at the beginning of a tick, the ledger's first records excepted. */
  @Test
  void everythingAppearsAtTheBeginningOfATick() throws Exception {
    Seen seen = run("slow", round -> 20 + round, checkpoint -> 9, onSchedule("slow"));

    assertThat(seen.events).filteredOn(event -> event.millis % INTERVAL != 0).isEmpty();
  }

  @Test
  void anOverrunIsNamedAndMovesWhatFollowsToTheNextTick() throws Exception {
    IntUnaryOperator third = round -> round == 3 ? 130 : 5;
    Seen seen = run("late", third, checkpoint -> 1, onSchedule("late"));

    assertThat(seen.ledger).contains("\"round\":4,\"tick\":6,\"phase\":1,\"due_tick\":5,");
    assertThat(seen.ledger.split("due_tick")).hasSize(2);
    assertThat(seen.events).filteredOn(event -> event.millis % INTERVAL != 0).isEmpty();
  }

  /** A release that shows when its checkpoint completes. */
  @Test
  void aReleaseThatDoesNotWaitForItsTickIsCaught() throws Exception {
    Seen quick = run("quick", round -> 1, checkpoint -> 1, atOnce("quick"));
    Seen slow = run("slow", round -> 60, checkpoint -> 9, atOnce("slow"));

    assertThat(slow.files).isEqualTo(quick.files);
    assertThat(slow).isNotEqualTo(quick);
  }

  /** A date of now instead of the tick's. */
  @Test
  void aDateByTheWallClockIsCaught() throws Exception {
    Seen quick = run("quick", round -> 1, checkpoint -> 1, datedByTheWallClock("quick"));
    Seen slow = run("slow", round -> 60, checkpoint -> 9, datedByTheWallClock("slow"));

    assertThat(slow.ledger).isEqualTo(quick.ledger);
    assertThat(slow.files).isNotEqualTo(quick.files);
  }

  private PublishSink onSchedule(String name) {
    return atOnce(name).onSchedule();
  }

  private PublishSink atOnce(String name) {
    return new PublishSink(
        DirectoryModelStore.at(directory.resolve(name).toString()),
        ReleaseFixtures.context(),
        NO_TOPIC);
  }

  private PublishSink datedByTheWallClock(String name) {
    String root = directory.resolve(name).toString();
    return new PublishSink(
            () -> new DatedByTheWallClock(DirectoryModelStore.open(Path.of(root))),
            ReleaseFixtures.context(),
            NO_TOPIC)
        .onSchedule();
  }

  /** Something that appeared outside the trust boundary. */
  private record Event(int millis, String what) {}

  /** All that can be seen from outside, with its dates. */
  private record Seen(
      String ledger, long ledgerDate, SortedMap<String, String> files, List<Event> events) {}

  private Seen run(
      String name,
      IntUnaryOperator roundMillis,
      IntUnaryOperator checkpointMillis,
      PublishSink sink)
      throws Exception {
    Path ledger = directory.resolve(name + ".ledger");
    Files.createDirectories(directory.resolve(name));
    try (Job job = new Job(ledger, directory.resolve(name), sink, roundMillis, checkpointMillis)) {
      for (now = 0; now < LENGTH; now++) {
        job.millisecond();
      }
      return new Seen(
          Files.readString(ledger),
          Files.getLastModifiedTime(ledger).toMillis(),
          files(directory.resolve(name)),
          job.events);
    }
  }

  private static SortedMap<String, String> files(Path root) throws IOException {
    SortedMap<String, String> files = new TreeMap<>();
    try (Stream<Path> all = Files.walk(root)) {
      for (Path path : (Iterable<Path>) all::iterator) {
        String relative = root.relativize(path).toString();
        if (relative.startsWith("round-")) {
          String content =
              Files.isDirectory(path) ? "" : Digests.ofFile(Files.readAllBytes(path)) + " ";
          files.put(relative, content + Files.getLastModifiedTime(path));
        }
      }
    }
    return files;
  }

  /** Budget, trainer, checkpoints and sink, one millisecond after the other. */
  private static final class Job implements AutoCloseable {

    private final List<Event> events = new ArrayList<>();
    private final Path ledger;
    private final Path releases;
    private final IntUnaryOperator roundMillis;
    private final IntUnaryOperator checkpointMillis;
    private final DurabilityGate gate =
        new DurabilityGate(DurabilityTerms.of(2), /* restoredRound= */ 0);
    private final RoundCoordinator coordinator;
    private final LedgerSession session;
    private final OneInputStreamOperatorTestHarness<
            RoundRelease, CommittableMessage<PublishCommittable>>
        writer;
    private final OneInputStreamOperatorTestHarness<
            CommittableMessage<PublishCommittable>, CommittableMessage<PublishCommittable>>
        committer;
    private final OneInputStreamOperatorTestHarness<
            CommittableMessage<PublishCommittable>, Announcement>
        announce;
    private final TreeMap<Integer, Grant> trained = new TreeMap<>();
    private final TreeMap<Integer, Integer> completing = new TreeMap<>();
    private int checkpoints;
    private int known;
    private String seenLedger = "";

    Job(
        Path ledger,
        Path releases,
        PublishSink sink,
        IntUnaryOperator roundMillis,
        IntUnaryOperator checkpointMillis)
        throws Exception {
      this.ledger = ledger;
      this.releases = releases;
      this.roundMillis = roundMillis;
      this.checkpointMillis = checkpointMillis;
      var terms = Budgets.terms(9).withMaxRounds(ROUNDS);
      coordinator = new RoundCoordinator(terms.phases(), /* restoredTick= */ 0, gate);
      session = Budgets.session(FileLedger.factory(ledger), terms, "job");
      writer = new OneInputStreamOperatorTestHarness<>(new SinkWriterOperatorFactory<>(sink));
      writer.open();
      committer =
          new OneInputStreamOperatorTestHarness<>(
              new CommitterOperatorFactory<>(
                  sink, /* isBatchMode= */ false, /* isCheckpointingEnabled= */ true));
      committer.open();
      announce =
          new OneInputStreamOperatorTestHarness<>(
              new AnnounceOperator(sink.isOnSchedule() ? sink : null));
      announce.open();
    }

    void millisecond() throws Exception {
      announce.setProcessingTime(GENESIS + now);
      if (now == 0) {
        long epoch = coordinator.opened(session.open(GENESIS), GENESIS).orElseThrow().epoch();
        coordinator.announced(Budgets.model(epoch, /* round= */ 0));
      }
      if (completing.containsKey(now)) {
        complete(completing.remove(now));
      }
      if (trained.containsKey(now)) {
        Grant grant = trained.remove(now);
        writer.processElement(
            new StreamRecord<>(ReleaseFixtures.release(grant, /* weight= */ grant.round())));
        coordinator.announced(Budgets.model(grant.epoch(), grant.round()));
        coordinator.acknowledged(new RoundExecuted(grant.epoch(), grant.round()));
      }
      if (now % 30 == 1 && completing.isEmpty()) {
        barrier();
      }
      if (now % (INTERVAL / 4) == 0) {
        pulse();
      }
      look();
    }

    private void pulse() throws Exception {
      Step step = coordinator.pulse(GENESIS + now);
      if (step instanceof Step.Charge charge) {
        Grant grant = session.charge(charge.tick(), charge.dueTick(), OptionalDouble.empty());
        coordinator.granted(grant, session.state());
        trained.put(now + roundMillis.applyAsInt((int) grant.round()), grant);
      } else if (step instanceof Step.Halt halt) {
        session.halt(halt.reason());
        coordinator.haltRecorded(session.state());
      }
    }

    private void barrier() throws Exception {
      int id = ++checkpoints;
      gate.barrier(id);
      writer.prepareSnapshotPreBarrier(id);
      for (CommittableMessage<PublishCommittable> message : writer.extractOutputValues()) {
        committer.processElement(new StreamRecord<>(message));
      }
      writer.getOutput().clear();
      committer.snapshot(id, /* timestamp= */ 0);
      announce.snapshot(id, /* timestamp= */ 0);
      completing.put(now + checkpointMillis.applyAsInt(id), id);
    }

    private void complete(int id) throws Exception {
      committer.notifyOfCompletedCheckpoint(id);
      for (CommittableMessage<PublishCommittable> message : committer.extractOutputValues()) {
        announce.processElement(new StreamRecord<>(message));
      }
      committer.getOutput().clear();
      announce.notifyOfCompletedCheckpoint(id);
      gate.completed(id);
    }

    /** Notes what is new to the outside. */
    private void look() throws Exception {
      if (Files.size(ledger) != seenLedger.length()) {
        String text = Files.readString(ledger, StandardCharsets.US_ASCII);
        events.add(new Event(now, text.substring(seenLedger.length())));
        seenLedger = text;
      }
      List<String> names = DirectoryModelStore.reading(releases).published();
      for (; known < names.size(); known++) {
        events.add(new Event(now, names.get(known)));
      }
      for (Announcement announcement : announce.extractOutputValues()) {
        events.add(new Event(now, announcement.publicMillis() + announcement.json()));
      }
      announce.getOutput().clear();
    }

    @Override
    public void close() throws Exception {
      session.close();
      writer.close();
      committer.close();
      announce.close();
    }
  }

  /** A store that dates releases when they are staged. */
  private record DatedByTheWallClock(ModelStore store) implements ForwardingModelStore {

    @Override
    public Staged stage(ReleaseFiles release) throws IOException {
      return store.stage(
          new ReleaseFiles(release.name(), release.files(), release.manifest(), GENESIS + now));
    }
  }
}
