/**
 * Real processes, really killed: a standalone Flink cluster and a Kafka broker as separate JVMs,
 * traffic, {@code kill -9}, restores of every kind, and an audit at the end. See scripts/chaos.
 */
package io.murmuration.chaos;
