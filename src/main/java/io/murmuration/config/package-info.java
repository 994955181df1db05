/**
 * Typed options and the validated configuration of a job: one class of options per concern, privacy
 * apart from performance, and one immutable record per concern that cannot hold nonsense.
 */
package io.murmuration.config;
