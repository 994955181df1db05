/**
 * What speaks with a release: the newest one that the ledger covers, taken up while others are
 * asked. The follower is plain rules; a thread, an HTTP server and Flink's SQL drive it.
 */
package io.murmuration.serving;
