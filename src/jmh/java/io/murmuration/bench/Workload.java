package io.murmuration.bench;

import com.sun.management.OperatingSystemMXBean;
import io.murmuration.event.UserEvent;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.state.rocksdb.RocksDBConfigurableOptions;

/** Events of skewed users, and a stop watch that starts when everything is warm. */
final class Workload {

  /** As long as a chat message of two or three sentences. */
  private static final int TEXT_CHARS = 200;

  private static final double WARM_UP_FRACTION = 0.2;

  private Workload() {}

  /** Activity falls off with the square of the rank. */
  static UserEvent event(long i, long users) {
    SplittableRandom random = new SplittableRandom(i);
    double uniform = random.nextDouble();
    return said("user-" + (long) (users * uniform * uniform), i, random);
  }

  /** The same of the same user, whose id has the length of most systems' ids. */
  static UserEvent underUuid(UserEvent event) {
    return event.of(
        UUID.nameUUIDFromBytes(event.userId().getBytes(StandardCharsets.UTF_8)).toString());
  }

  /** Something that a given user says. */
  static UserEvent said(String userId, long i, SplittableRandom random) {
    char[] text = new char[TEXT_CHARS];
    for (int c = 0; c < TEXT_CHARS; c += Long.BYTES) {
      long bits = random.nextLong();
      for (int j = 0; j < Long.BYTES && c + j < TEXT_CHARS; j++) {
        int letter = (int) (bits >>> 8 * j & 31);
        text[c + j] = letter < 26 ? (char) ('a' + letter) : ' ';
      }
    }
    return UserEvent.interaction("user-" + userId, "e" + i, i, null, new String(text));
  }

  /**
   * How the files of {@code flink-conf/} set up RocksDB: its filters, its memory, where timers are.
   * Nothing else of these files, and the file is found from the repository's root.
   */
  static Configuration shippedRocksDb() {
    Configuration shipped = GlobalConfiguration.loadConfiguration("flink-conf");
    Configuration options = new Configuration();
    for (String key : shipped.keySet()) {
      if (key.startsWith("state.backend.rocksdb.")) {
        options.setString(key, shipped.getString(key, null));
      }
    }
    if (!options.get(RocksDBConfigurableOptions.USE_BLOOM_FILTER)) {
      throw new IllegalStateException(
          "flink-conf/config.yaml must say state.backend.rocksdb.use-bloom-filter: true, as figures"
              + " in docs/ingest.md are taken with it");
    }
    return options;
  }

  static void print(String format, Object... arguments) {
    System.out.println(String.format(Locale.ROOT, format, arguments));
    System.out.flush();
  }

  /**
   * Events per second of wall time and microseconds of CPU time per event, over what comes after
   * the first fifth.
   *
   * @param cpuMicros of this whole process
   * @param taskMicros of the threads alone that read, decode, bound and sample: without a broker,
   *     the work of RocksDB behind their backs, and what Java compiles
   */
  record Rate(double eventsPerSecond, double cpuMicros, double taskMicros) {}

  /** Counts what passes, in all subtasks of this process. */
  static final class StopWatch {
    private static final OperatingSystemMXBean PROCESS =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    /** Begins of the names of tasks' threads, which are their operators'. */
    private static final List<String> TASKS = List.of("Source: interactions", "bound & sample");

    private final AtomicLong passed = new AtomicLong();
    private final long start;
    private final long end;
    private volatile long startNanos;
    private volatile long startCpuNanos;
    private volatile long endNanos;
    private volatile long endCpuNanos;
    private volatile long startTaskNanos;
    private volatile long endTaskNanos;

    /** Somebody who waits for events to pass; null for nobody. */
    private volatile Waiting waiting;

    private record Waiting(long events, CompletableFuture<Void> end) {}

    StopWatch(long events) {
      start = (long) (WARM_UP_FRACTION * events);
      end = events;
    }

    void count() {
      long n = passed.incrementAndGet();
      Waiting waits = waiting;
      if (waits != null && n >= waits.events()) {
        waits.end().complete(null);
      }
      if (n == start) {
        startTaskNanos = taskNanos();
        startCpuNanos = PROCESS.getProcessCpuTime();
        startNanos = System.nanoTime();
      } else if (n == end) {
        endTaskNanos = taskNanos();
        endCpuNanos = PROCESS.getProcessCpuTime();
        endNanos = System.nanoTime();
      }
    }

    /** Done when so many events have passed; one may be waited for at a time. */
    CompletableFuture<Void> passed(long events) {
      Waiting waits = new Waiting(events, new CompletableFuture<>());
      waiting = waits;
      if (passed.get() >= events) {
        waits.end().complete(null);
      }
      return waits.end();
    }

    private static long taskNanos() {
      long nanos = 0;
      for (ThreadInfo thread : THREADS.getThreadInfo(THREADS.getAllThreadIds())) {
        if (thread != null && TASKS.stream().anyMatch(thread.getThreadName()::startsWith)) {
          nanos += Math.max(0, THREADS.getThreadCpuTime(thread.getThreadId()));
        }
      }
      return nanos;
    }

    boolean isDone() {
      return endNanos != 0;
    }

    Rate rate() {
      if (!isDone()) {
        throw new IllegalStateException(
            "%d events were expected but only %d passed".formatted(end, passed.get()));
      }
      double events = end - start;
      return new Rate(
          events * 1e9 / (endNanos - startNanos),
          (endCpuNanos - startCpuNanos) / 1e3 / events,
          (endTaskNanos - startTaskNanos) / 1e3 / events);
    }
  }
}
