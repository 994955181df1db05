/**
 * Exact noise on the integers of a public grid, and cryptographic random bits. Knows neither Flink
 * nor DJL.
 *
 * <p>{@link io.murmuration.privacy.noise.NoiseGrid} says what is added to what, and proves that the
 * accountant of continuous noise holds for it.
 */
package io.murmuration.privacy.noise;
