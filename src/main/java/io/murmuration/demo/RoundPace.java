package io.murmuration.demo;

import java.util.function.LongUnaryOperator;

/**
 * Feeds by the public clock of rounds: each round that is granted lets the next share of the events
 * out, so that every machine, fast or slow, trains the same round on the same part of the stream.
 *
 * <p>The share of the first round is out from the beginning. Thread-safe.
 */
final class RoundPace implements FeedPace {

  /**
   * The stream ends at this part of the planned rounds: what came last is sampled for three times
   * as many rounds as the whole stream took, while the learning rate is still high.
   */
  private static final double FED_WITHIN = 0.25;

  private final LongUnaryOperator byRound;
  private long granted;

  /**
   * @param byRound how many events may have been sent when so many rounds may be granted, from 1;
   *     never falls
   */
  RoundPace(LongUnaryOperator byRound) {
    this.byRound = byRound;
  }

  /**
   * A pace at which the whole stream is out early.
   *
   * @param events of the whole stream, at least 0
   * @param rounds that are planned, at least 1
   */
  RoundPace(long events, long rounds) {
    if (events < 0 || rounds < 1) {
      throw new IllegalArgumentException(
          "no event less than none and at least one round are required, not %d and %d"
              .formatted(events, rounds));
    }
    long feedingRounds = Math.max(1, Math.round(rounds * FED_WITHIN));
    this.byRound =
        round ->
            round >= feedingRounds ? events : Math.round(events * (round / (double) feedingRounds));
  }

  /** A round was granted: the events of the next one may be sent. */
  synchronized void granted() {
    granted++;
    notifyAll();
  }

  /** How many events may have been sent by now. */
  synchronized long allowed() {
    return byRound.applyAsLong(granted + 1);
  }

  @Override
  public synchronized void await(long index) throws InterruptedException {
    while (index >= allowed()) {
      wait();
    }
  }
}
