package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What rounds use is freed once, after the last of them, whoever waits for it. */
@Timeout(120)
class RoundWorkerTest {

  private final List<String> events = new CopyOnWriteArrayList<>();
  private final CountDownLatch freed = new CountDownLatch(1);

  private RoundWorker worker(long patienceMillis) {
    return new RoundWorker(
        patienceMillis,
        () -> {
          events.add("model");
          throw new IllegalStateException("the engine is gone already");
        },
        () -> {
          events.add("publisher");
          freed.countDown();
        });
  }

  /** Work like native code: it does not end for an interruption. */
  private static final class Uninterruptible implements Runnable {
    final Semaphore begun = new Semaphore(0);
    final Semaphore mayEnd = new Semaphore(0);
    private final List<String> events;

    Uninterruptible(List<String> events) {
      this.events = events;
    }

    @Override
    public void run() {
      begun.release();
      mayEnd.acquireUninterruptibly();
      events.add(Thread.currentThread().isInterrupted() ? "interrupted" : "worked");
    }
  }

  @Test
  void whatNeverWorkedIsFreedAtOnce() throws Exception {
    worker(/* patienceMillis= */ 10_000).close();
    assertThat(events).containsExactly("model", "publisher");
  }

  @Test
  void workThatOutlastsThePatienceStillFreesAfterIt() throws Exception {
    RoundWorker worker = worker(/* patienceMillis= */ 1);
    Uninterruptible work = new Uninterruptible(events);
    worker.execute(work);
    worker.execute(() -> events.add("never begun"));
    work.begun.acquire();

    worker.close();
    assertThat(events).isEmpty();

    work.mayEnd.release();
    freed.await();
    assertThat(events).containsExactly("interrupted", "model", "publisher");
  }

  @Test
  void whoeverWaitsMayBeInterrupted() throws Exception {
    RoundWorker worker = worker(/* patienceMillis= */ 60_000);
    Uninterruptible work = new Uninterruptible(events);
    worker.execute(work);
    work.begun.acquire();

    Thread.currentThread().interrupt();
    assertThatThrownBy(worker::close).isInstanceOf(InterruptedException.class);

    work.mayEnd.release();
    freed.await();
    assertThat(events).containsExactly("interrupted", "model", "publisher");
  }

  @Test
  void nothingBeginsAfterTheEndAndNothingIsFreedTwice() throws Exception {
    RoundWorker worker = worker(/* patienceMillis= */ 60_000);
    worker.execute(() -> events.add("worked"));
    worker.close();
    worker.close();

    assertThatThrownBy(() -> worker.execute(() -> {}))
        .isInstanceOf(RejectedExecutionException.class);
    assertThat(events.stream().filter("model"::equals)).hasSize(1);
    assertThat(events).endsWith("model", "publisher");
  }
}
