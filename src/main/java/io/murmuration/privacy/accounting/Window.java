package io.murmuration.privacy.accounting;

/**
 * Which composed losses an FFT has to keep apart.
 *
 * @param low the tilted loss is below this with negligible probability
 * @param high the tilted loss is above this with negligible probability, and so is the loss itself
 * @param tailOrder the order at which the Chernoff bound of the mass above {@code high} is good
 */
record Window(double low, double high, double tailOrder) {}
