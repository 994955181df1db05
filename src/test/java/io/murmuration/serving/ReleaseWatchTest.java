package io.murmuration.serving;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ReleaseWatchTest {

  private final BlockingQueue<ReleaseFollower.Look> heard = new LinkedBlockingQueue<>();

  private static ReleaseFollower<Servable> following(ReleaseFollower.Store store) {
    return new ReleaseFollower<>(
        store,
        () -> {
          throw new IOException("not needed");
        },
        (release, files) -> {
          throw new IOException("not needed");
        });
  }

  private static ReleaseFollower<Servable> away() {
    return following(
        () -> {
          throw new IOException("away");
        });
  }

  private void awaitLook() throws InterruptedException {
    assertThat(heard.poll(1, TimeUnit.MINUTES)).isNotNull();
  }

  @Test
  void looksAtIntervals() throws Exception {
    try (ReleaseWatch watch = ReleaseWatch.start(away(), Duration.ofMillis(1), heard::add)) {
      awaitLook();
      awaitLook();
    }
  }

  @Test
  void looksWhenItIsWoken() throws Exception {
    try (ReleaseWatch watch = ReleaseWatch.start(away(), Duration.ofDays(1), heard::add)) {
      watch.wake();
      awaitLook();
      watch.wake();
      awaitLook();
    }
  }

  @Test
  void closingEndsALookThatWaits_andNothingIsHeardAfterwards() throws Exception {
    CountDownLatch looking = new CountDownLatch(1);
    ReleaseFollower<Servable> stuck =
        following(
            () -> {
              looking.countDown();
              try {
                new CountDownLatch(1).await();
              } catch (InterruptedException e) {
                throw new IOException("interrupted", e);
              }
              throw new IOException("never");
            });
    ReleaseWatch watch = ReleaseWatch.start(stuck, Duration.ofMillis(1), heard::add);
    looking.await();

    watch.close();

    heard.clear();
    watch.wake();
    assertThat(heard).isEmpty();
  }
}
