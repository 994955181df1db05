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
  private final Counter grantsRefused;

  private final Counter eventsIn;
  private final Counter eventsBoundedAway;
  private final Counter usersErased;
  private final Counter eventsTurnedAway;
  private final Counter usersRetired;

  private final Counter usersSampled;
  private final Counter examplesSampled;

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

  /** A grant was refused: of an epoch, or for a tick, that is over. */
  void grantRefused() {
    grantsRefused.inc();
  }

  /** An event came, or an erasure. */
  void eventIn() {
    eventsIn.inc();
  }

  /** No reservoir kept an event. */
  void eventBoundedAway() {
    eventsBoundedAway.inc();
  }

  /** An event was of a user who may take part no more. */
  void eventTurnedAway() {
    eventsTurnedAway.inc();
  }

  /** An erasure found something to erase. */
  void userErased() {
    usersErased.inc();
  }

  /** A lifetime ended while something was kept of its user. */
  void userRetired() {
    usersRetired.inc();
  }

  /** A user was drawn, with so many examples. */
  void userSampled(int examples) {
    usersSampled.inc();
    examplesSampled.inc(examples);
  }
}
