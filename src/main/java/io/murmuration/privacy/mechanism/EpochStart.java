package io.murmuration.privacy.mechanism;

/**
 * The first output of every epoch: from here on ticks are known.
 *
 * @param epoch the epoch that begins
 * @param firstTick the first tick of this epoch that may be granted; no watermark below it follows
 */
public record EpochStart(long epoch, long firstTick) implements BudgetSignal {}
