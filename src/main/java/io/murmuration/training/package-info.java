/**
 * Per-user gradients, clipping, the private step, optimizer state. The pure part knows no Flink.
 */
package io.murmuration.training;
