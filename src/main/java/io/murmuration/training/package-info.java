/**
 * Per-user gradients, clipping, the private step and the optimizer.
 *
 * <p>Only {@link io.murmuration.training.DecoderGradientEngine} touches the tensor library; the
 * rest works on flat arrays.
 */
package io.murmuration.training;
