/**
 * Per-user gradients, clipping, the private step, optimizer state.
 *
 * <p>Only {@link io.murmuration.training.DecoderGradientEngine} touches the tensor library; the
 * rest works on flat arrays and knows no Flink.
 */
package io.murmuration.training;
