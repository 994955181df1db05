/** Secure Gaussian noise and the cryptographic coins of sampling. Knows neither Flink nor DJL. */
package io.murmuration.privacy.noise;
