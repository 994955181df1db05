/**
 * What the demo adds to the job: a broker inside the JVM, a generated world of users with a trend
 * and with secrets, a small base model pretrained on public generated text, and the probes that
 * show at the end what was learned and what was not.
 *
 * <p>Nothing here takes part in the privacy mechanism: its random numbers are seeded and
 * predictable on purpose, so that a run of the demo can be repeated.
 */
package io.murmuration.demo;
