package io.murmuration.training;

/**
 * The sum of clipped slice gradients, together with its own sensitivity, so that noise cannot be
 * calibrated to another one.
 *
 * <p>Everything here but {@code sensitivity} is an exact function of private data: it stays inside
 * the trust boundary.
 *
 * @param sum flat, in the order of the engine's {@link ParameterLayout}, accumulated in float64
 * @param sensitivity L2 bound of one slice's contribution: the clip norm
 * @param slices how many slices were given
 * @param clipped how many of them were scaled down
 * @param zeroed how many contributed zero: not finite, nothing to train on, or failed
 * @param tokens trained tokens
 * @param centredBits Σ(b − ½) over contributing slices, where b is {@link
 *     SliceClipping#unclippedBit}; one slice moves it by at most ½
 * @param lossSum sum over contributing slices of their mean loss in nats per token
 */
public record ClippedSum(
    double[] sum,
    double sensitivity,
    long slices,
    long clipped,
    long zeroed,
    long tokens,
    double centredBits,
    double lossSum) {}
