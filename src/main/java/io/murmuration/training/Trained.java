package io.murmuration.training;

/**
 * What else is known of a slice whose gradient was computed.
 *
 * @param tokens trained tokens
 * @param loss mean nats per token; not finite where the slice has no gradient
 */
record Trained(int tokens, double loss) {}
