package io.murmuration.contribution;

import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.SimpleCounter;

/**
 * What the sampler shows of itself. Everything in the group {@code private} is an exact function of
 * users' data and must not leave the trust boundary. What tells how large a round's sample was is
 * registered only on request.
 */
final class ContributionMetrics {

  /** Grants of an epoch, or for a tick, that is over. */
  final Counter grantsRefused;

  final Counter eventsIn;

  /** Events that no reservoir kept. */
  final Counter eventsBoundedAway;

  /** Erasures that found something to erase. */
  final Counter usersErased;

  /** Events of users who may take part no more. */
  final Counter eventsTurnedAway;

  /** Users whose lifetime ended while something was kept of them. */
  final Counter usersRetired;

  final Counter usersSampled;
  final Counter examplesSampled;

  ContributionMetrics(MetricGroup group, boolean privateMetrics, Gauge<Long> closedTick) {
    group.gauge("closedTick", closedTick);
    grantsRefused = group.counter("grantsRefused");
    MetricGroup inside = group.addGroup("private");
    eventsIn = inside.counter("eventsIn");
    eventsBoundedAway = inside.counter("eventsBoundedAway");
    usersErased = inside.counter("usersErased");
    eventsTurnedAway = inside.counter("eventsTurnedAway");
    usersRetired = inside.counter("usersRetired");
    if (privateMetrics) {
      usersSampled = inside.counter("usersSampled");
      examplesSampled = inside.counter("examplesSampled");
    } else {
      usersSampled = new SimpleCounter();
      examplesSampled = new SimpleCounter();
    }
  }
}
