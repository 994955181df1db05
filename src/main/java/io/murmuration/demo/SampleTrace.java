package io.murmuration.demo;

import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.UserSample;
import io.murmuration.demo.LifetimeSummary.Lives;
import java.util.Map;
import java.util.NavigableSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.streaming.api.datastream.DataStream;

/**
 * Which users were sampled in which rounds, seen where samples leave keyed state: the demo's own
 * audit of lifetimes, which asks neither the sampler nor its state. Where no example expires, as in
 * the demo, somebody who was sampled in two rounds held one in every round between them. Inside the
 * trust boundary, and inside one JVM. Thread-safe.
 */
final class SampleTrace implements AutoCloseable {

  private static final Map<String, SampleTrace> TRACES = new ConcurrentHashMap<>();

  private final String domain;
  private final Map<String, NavigableSet<Long>> rounds = new ConcurrentHashMap<>();

  private SampleTrace(String domain) {
    this.domain = domain;
  }

  /** Begins a trace, which ends when closed. */
  static SampleTrace of(String domain) {
    SampleTrace trace = new SampleTrace(domain);
    if (TRACES.putIfAbsent(domain, trace) != null) {
      throw new IllegalStateException("the domain " + domain + " is being traced already");
    }
    return trace;
  }

  /** Adds the trace of a domain to its job. */
  static void addTo(DataStream<CohortRecord> samples, String domain) {
    samples
        .sinkTo(new Tap(domain))
        .name("trace of samples")
        .uid("trace-of-samples")
        .setParallelism(1);
  }

  /** A user was sampled; said again after a failure it changes nothing. */
  void sampled(String user, long round) {
    rounds.computeIfAbsent(user, id -> new ConcurrentSkipListSet<>()).add(round);
  }

  /**
   * Compares with a lifetime.
   *
   * @param horizon the most rounds that may count for one user
   */
  Lives compare(long horizon) {
    long longest = 0;
    long beyond = 0;
    for (NavigableSet<Long> sampled : rounds.values()) {
      long span = sampled.last() - sampled.first() + 1;
      longest = Math.max(longest, span);
      beyond += span > horizon ? 1 : 0;
    }
    return new Lives(rounds.size(), longest, beyond);
  }

  @Override
  public void close() {
    TRACES.remove(domain, this);
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
