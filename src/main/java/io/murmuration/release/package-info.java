/**
 * What leaves the trust boundary: adapter, manifest and statement, the store that makes them
 * visible in two phases, and the sink that drives it. The pure part knows neither Flink nor DJL.
 */
package io.murmuration.release;
