package io.murmuration.training;

/**
 * An ordinary mean gradient: nothing private about it.
 *
 * @param gradient flat, in the order of the engine's layout
 * @param loss mean over examples of each one's mean nats per token
 * @param tokens trained tokens
 */
public record MeanGradient(double[] gradient, double loss, long tokens) {}
