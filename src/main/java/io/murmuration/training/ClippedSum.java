package io.murmuration.training;

/**
 * The sum of clipped slice gradients in whole grid units, together with the grid that bounds each
 * slice's part, so that noise cannot be calibrated to another one.
 *
 * <p>Everything here but {@code grid} is an exact function of private data: it stays inside the
 * trust boundary.
 *
 * @param sum flat, in the order of the engine's {@link ParameterLayout}, in units of {@code
 *     grid.sum()}
 * @param grid of the round
 * @param slices how many slices were given
 * @param clipped how many of them were scaled down
 * @param zeroed how many contributed zero: not finite, nothing to train on, or failed
 * @param tokens trained tokens
 * @param centredBits Σ(b − ½) over contributing slices, where b is {@link
 *     SliceClipping#unclippedBit}, in units of {@code grid.bits()}; 0 where the clip norm stays
 * @param lossSum sum over contributing slices of their mean loss in nats per token
 */
public record ClippedSum(
    long[] sum,
    RoundGrid grid,
    long slices,
    long clipped,
    long zeroed,
    long tokens,
    long centredBits,
    double lossSum) {}
