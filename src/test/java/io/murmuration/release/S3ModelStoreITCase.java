package io.murmuration.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.release.ModelStore.Outcome;
import io.murmuration.release.ModelStore.Staged;
import io.murmuration.storage.Location;
import io.murmuration.storage.S3Server;
import io.murmuration.storage.StoredFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The model store on an S3 server, through Flink's file system, and what such servers do. */
class S3ModelStoreITCase extends ModelStoreContract {

  /** Prime, so that every kind of request is met; the unit test refuses every single one. */
  private static final int STRIDE = 5;

  private static final AtomicInteger PLACES = new AtomicInteger();

  @TempDir private static Path directory;
  private static S3Server server;

  private Location root;
  private ModelStore store;

  @BeforeAll
  static void start() throws Exception {
    server = S3Server.start(directory.resolve("s3"));
    server.createBucket("bucket");
    // what takes long in production is not what is tested
    server.usePlugin(
        directory.resolve("plugins"),
        Map.of("s3.retry.max-num-retries", "0", "s3.socket.timeout", "5 s"));
  }

  @AfterAll
  static void stop() throws Exception {
    server.close();
  }

  @BeforeEach
  void open() throws IOException {
    root = Location.of("s3://bucket/releases-" + PLACES.incrementAndGet());
    store = ModelStores.at(root).open();
  }

  @AfterEach
  void recover() {
    server.recover();
  }

  @Override
  ModelStore store() {
    return store;
  }

  /** What a server, or whoever administers it, does. */
  private enum Away {
    UNAVAILABLE,
    FORBIDDEN,
    /** The answer of a server that hides what is forbidden. */
    MISSING,
    BUCKET_GONE,
    BUCKET_EMPTY
  }

  private static Path bucket() {
    return directory.resolve("s3/bucket");
  }

  private static void takeAway(Away away) throws IOException {
    switch (away) {
      case UNAVAILABLE -> server.trouble((method, resource) -> 503);
      case FORBIDDEN -> server.trouble((method, resource) -> 403);
      case MISSING -> server.trouble((method, resource) -> 404);
      case BUCKET_GONE -> Files.move(bucket(), directory.resolve("elsewhere"));
      case BUCKET_EMPTY -> {
        Files.move(bucket(), directory.resolve("elsewhere"));
        server.createBucket("bucket");
      }
    }
  }

  private static void putBack(Away away) throws IOException {
    server.recover();
    if (away == Away.BUCKET_EMPTY) {
      server.deleteBucket("bucket");
    }
    if (away == Away.BUCKET_GONE || away == Away.BUCKET_EMPTY) {
      Files.move(directory.resolve("elsewhere"), bucket());
    }
  }

  private static void assertTriedAgain(ThrowingCallable action) {
    assertThatThrownBy(action)
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(ReleaseLostException.class)
        .isNotInstanceOf(ReleaseConflictException.class);
  }

  @ParameterizedTest
  @EnumSource
  void aStoreThatIsAwayIsNotLost(Away away) throws IOException {
    Staged staged = store.stage(ReleaseFixtures.files(1, 1));
    takeAway(away);
    try {
      assertTriedAgain(() -> store.commit(staged));
      assertTriedAgain(() -> store.stage(ReleaseFixtures.files(2, 1)));
      assertTriedAgain(() -> ModelStores.at(root).reopen());
      assertTriedAgain(() -> ModelStores.requireThere(StoredFiles.at(root)));
    } finally {
      putBack(away);
    }
    assertThat(ModelStores.at(root).reopen().commit(staged)).isEqualTo(Outcome.PUBLISHED);
    assertThat(store.published()).containsExactly("round-00000001");
  }

  @Test
  void aStoreThatDoesNotAnswerIsNotLost() throws IOException {
    Staged staged = store.stage(ReleaseFixtures.files(1, 1));
    CountDownLatch over = new CountDownLatch(1);
    server.trouble(
        (method, resource) -> {
          over.await();
          return 503;
        });
    try {
      assertTriedAgain(() -> store.commit(staged));
    } finally {
      server.recover();
      over.countDown();
    }
    assertThat(ModelStores.at(root).reopen().commit(staged)).isEqualTo(Outcome.PUBLISHED);
  }

  /** Every few requests of a commit one is refused; the next attempt completes it. */
  @Test
  void oneRefusalInTheMiddleLosesNothing() throws IOException {
    int[] statuses = {503, 403, 404};
    int refusals = 0;
    for (int which = 0; ; which += STRIDE) {
      Staged staged = store.stage(ReleaseFixtures.files(1 + which, 1));
      int status = statuses[refusals % statuses.length];
      AtomicInteger left = new AtomicInteger(which);
      server.trouble((method, resource) -> left.getAndDecrement() == 0 ? status : 0);
      try {
        store.commit(staged);
      } catch (ReleaseLostException | ReleaseConflictException e) {
        throw new AssertionError("%d instead of answer %d".formatted(status, which), e);
      } catch (IOException e) {
        server.recover();
        store.commit(staged);
      }
      server.recover();
      assertThat(Digests.ofRelease(store.read(staged.name()))).isEqualTo(staged.digest());
      if (left.get() >= 0) {
        break;
      }
      refusals++;
    }
    assertThat(refusals).isGreaterThan(8);
    assertThat(store.published()).hasSize(refusals + 1);
  }

  @Test
  void latestStandsForTheNewestRelease() throws IOException {
    store.commit(store.stage(ReleaseFixtures.files(7, 1)));

    Location latest = root.resolve("latest");

    assertThat(ModelStores.resolved(latest)).isEqualTo(root.resolve("round-00000007"));
    Path copy = ModelStores.directory(latest);
    assertThat(copy.getFileName()).hasToString("round-00000007");
    assertThat(copy.toFile().list()).hasSize(4).contains("manifest.json");
  }

  @Test
  void allThatOpenANewStoreFindTheSameOne() throws Exception {
    ModelStore.Provider provider = ModelStores.at(Location.of("s3://bucket/new/releases"));

    String first = provider.open().id();

    assertThat(provider.open().id()).isEqualTo(first).matches("[0-9a-f]{32}");
    assertThat(ModelStores.at(Location.of("s3://bucket/new/releases")).open().id())
        .isEqualTo(first);
  }

  @Test
  void whatIsNoStoreIsNotRead() {
    assertThatThrownBy(() -> ModelStores.reading(Location.of("s3://bucket/nowhere")))
        .hasMessageContaining("s3://bucket/nowhere has neither");
  }
}
