/**
 * Experiments on what the rules of {@code io.murmuration.planning} predict: real training steps on
 * public data, with the sampling of a stream simulated in one process. Run by {@code
 * scripts/experiment}.
 */
package io.murmuration.experiment;
