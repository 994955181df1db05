package io.murmuration.serving;

import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/** A thread that has a follower look: once an interval, and whenever it is woken. */
final class ReleaseWatch implements AutoCloseable {

  private final ReleaseFollower<?> follower;
  private final long intervalNanos;
  private final Consumer<ReleaseFollower.Look> heard;
  private final Thread thread;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  /** Guarded by the lock. */
  private boolean woken;

  /** Guarded by the lock. */
  private boolean closed;

  private ReleaseWatch(
      ReleaseFollower<?> follower, Duration interval, Consumer<ReleaseFollower.Look> heard) {
    this.follower = follower;
    this.intervalNanos = interval.toNanos();
    this.heard = heard;
    this.thread = new Thread(this::run, "murmuration-release-watch");
    thread.setDaemon(true);
  }

  /** Starts the thread, which looks for the first time after one interval. */
  static ReleaseWatch start(
      ReleaseFollower<?> follower, Duration interval, Consumer<ReleaseFollower.Look> heard) {
    ReleaseWatch watch = new ReleaseWatch(follower, interval, heard);
    watch.thread.start();
    return watch;
  }

  private void run() {
    try {
      while (awaitTurn()) {
        heard.accept(follower.look());
      }
    } catch (InterruptedException e) {
      // by close, which waits for the end of this thread
      Thread.currentThread().interrupt();
    }
  }

  /** Whether to look; not if this is closed. */
  private boolean awaitTurn() throws InterruptedException {
    lock.lock();
    try {
      long left = intervalNanos;
      while (!woken && !closed && left > 0) {
        left = changed.awaitNanos(left);
      }
      woken = false;
      return !closed;
    } finally {
      lock.unlock();
    }
  }

  /** Has the follower look now, or once more after the look that goes on. */
  void wake() {
    lock.lock();
    try {
      woken = true;
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  /** Ends the thread and waits for that: nothing is heard of any more. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      changed.signal();
    } finally {
      lock.unlock();
    }
    thread.interrupt();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
