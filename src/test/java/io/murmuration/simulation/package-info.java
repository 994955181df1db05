/** Whole lives of a privacy domain, deterministic and in one thread, with an audit of each. */
package io.murmuration.simulation;
