package io.murmuration.demo;

import io.murmuration.contribution.ArrivalListener;
import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.ContributionBounds;
import io.murmuration.contribution.UserSample;
import io.murmuration.demo.LifetimeSummary.Lives;
import io.murmuration.privacy.mechanism.GrantGate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.streaming.api.datastream.DataStream;

/**
 * Who was sampled in which rounds, seen where samples leave keyed state, and when something of whom
 * arrived there: the demo's own audit of lifetimes. Of the sampler it asks at which tick something
 * arrived and nothing else; what counts it counts by itself.
 *
 * <p>Whoever said something at a tick holds something live at every tick from then on until the
 * window of that tick is live no more, whatever the reservoir keeps of it; and nothing else makes
 * anybody hold anything. So arrivals and the ticks of rounds say exactly in which rounds something
 * was held, of people too whose words had all expired for a while. It asks for a world without
 * erasures, as the demo's is.
 *
 * <p>Inside the trust boundary, and inside one JVM. Thread-safe.
 */
final class SampleTrace implements AutoCloseable {

  private static final Map<String, SampleTrace> TRACES = new ConcurrentHashMap<>();

  private final String domain;

  /** The ticks of all rounds that were granted. */
  private final NavigableMap<Long, Long> tickOfRound = new TreeMap<>();

  private final Map<String, Life> lives = new HashMap<>();

  /** Whose words belong to the first tick that is said next. */
  private final List<String> waiting = new ArrayList<>();

  private SampleTrace(String domain) {
    this.domain = domain;
  }

  /** What is seen of one user. */
  private static final class Life {
    final NavigableSet<Long> arrivals = new TreeSet<>();
    final NavigableSet<Long> sampled = new TreeSet<>();

    boolean holds(long tick, ContributionBounds bounds) {
      Long latest = arrivals.floor(tick);
      return latest != null && bounds.isLive(bounds.windowOf(latest), tick);
    }
  }

  /** Begins a trace, which ends when closed. */
  static SampleTrace of(String domain) {
    SampleTrace trace = new SampleTrace(domain);
    if (TRACES.putIfAbsent(domain, trace) != null) {
      throw new IllegalStateException("the domain " + domain + " is being traced already");
    }
    return trace;
  }

  /** What the sampler of a domain's job tells the trace. */
  static ArrivalListener arrivals(String domain) {
    return new Arrivals(domain);
  }

  /** Adds the trace of a domain to its job. */
  static void addTo(DataStream<CohortRecord> samples, String domain) {
    samples
        .sinkTo(new Tap(domain))
        .name("trace of samples")
        .uid("trace-of-samples")
        .setParallelism(1);
  }

  /** A round was granted. */
  synchronized void granted(long round, long tick) {
    tickOfRound.put(round, tick);
  }

  /**
   * Something of a user arrived.
   *
   * @param tick to which it belongs; {@link GrantGate#UNKNOWN} for the first that is said next
   */
  synchronized void arrived(String user, long tick) {
    if (tick == GrantGate.UNKNOWN) {
      waiting.add(user);
    } else {
      lives.computeIfAbsent(user, id -> new Life()).arrivals.add(tick);
    }
  }

  /** Ticks are known, from this one on. */
  synchronized void began(long firstTick) {
    waiting.forEach(user -> arrived(user, firstTick));
    waiting.clear();
  }

  /** A user was sampled; said again after a failure it changes nothing. */
  synchronized void sampled(String user, long round) {
    lives.computeIfAbsent(user, id -> new Life()).sampled.add(round);
  }

  /**
   * Compares with a lifetime.
   *
   * @param horizon the most rounds that may count for one user
   * @param bounds by which words expire
   */
  synchronized Lives compare(long horizon, ContributionBounds bounds) {
    long users = 0;
    long longest = 0;
    long beyond = 0;
    long returned = 0;
    long unheld = 0;
    for (Life life : lives.values()) {
      if (life.sampled.isEmpty()) {
        continue;
      }
      users++;
      long held = 0;
      long wanting = 0;
      boolean gone = false;
      boolean cameBack = false;
      for (Map.Entry<Long, Long> round :
          tickOfRound.headMap(life.sampled.last(), /* inclusive= */ true).entrySet()) {
        boolean holds = life.holds(round.getValue(), bounds);
        boolean sampled = life.sampled.contains(round.getKey());
        cameBack |= gone && holds && sampled;
        gone |= !holds && held > 0;
        held += holds ? 1 : 0;
        wanting += sampled && holds ? 1 : 0;
      }
      longest = Math.max(longest, held);
      beyond += held > horizon ? 1 : 0;
      returned += cameBack ? 1 : 0;
      unheld += wanting < life.sampled.size() ? 1 : 0;
    }
    return new Lives(users, longest, beyond, returned, unheld);
  }

  @Override
  public void close() {
    TRACES.remove(domain, this);
  }

  private record Arrivals(String domain) implements ArrivalListener {
    private static final long serialVersionUID = 1L;

    @Override
    public void arrived(String userId, long tick) {
      SampleTrace trace = TRACES.get(domain);
      if (trace != null) {
        trace.arrived(userId, tick);
      }
    }

    @Override
    public void began(long firstTick) {
      SampleTrace trace = TRACES.get(domain);
      if (trace != null) {
        trace.began(firstTick);
      }
    }
  }

  private record Tap(String domain) implements Sink<CohortRecord> {
    private static final long serialVersionUID = 1L;

    @Override
    public SinkWriter<CohortRecord> createWriter(WriterInitContext context) {
      SampleTrace trace = TRACES.get(domain);
      return new SinkWriter<>() {
        @Override
        public void write(CohortRecord record, Context unused) {
          if (trace != null && record instanceof UserSample sample) {
            trace.sampled(sample.userId(), sample.round());
          }
        }

        @Override
        public void flush(boolean endOfInput) {
          // nothing is held back
        }

        @Override
        public void close() {
          // the trace outlives the job
        }
      };
    }
  }
}
