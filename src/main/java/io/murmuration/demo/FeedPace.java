package io.murmuration.demo;

/** When the next event of a feed may be sent. */
@FunctionalInterface
interface FeedPace {

  /** The pace that never waits. */
  FeedPace UNLIMITED = index -> {};

  /**
   * Waits until an event may be sent.
   *
   * @param index of the event, from 0
   */
  void await(long index) throws InterruptedException;
}
