/**
 * Interactions as they come in: the Avro event, its decoding and rules, and dead letters for what
 * breaks them.
 */
package io.murmuration.event;
