/**
 * Schemas by their ids, from a registry with Confluent's interface; knows nothing of events and of
 * Flink.
 */
package io.murmuration.registry;
