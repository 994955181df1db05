package io.murmuration.simulation;

/** What travels between the parts of an attempt besides signals, samples and releases. */
final class Elements {

  private Elements() {}

  /** The watermark of a tick. */
  record Tick(long tick) {}

  /** The barrier of a checkpoint. */
  record Barrier(long checkpoint) {}
}
