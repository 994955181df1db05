/**
 * The ledger that alone says what was spent.
 *
 * <p>It reads from the bottom up: {@link io.murmuration.privacy.ledger.LedgerRecord}, {@link
 * io.murmuration.privacy.ledger.LedgerEntry} (one link of the hash chain), {@link
 * io.murmuration.privacy.ledger.LedgerState} (the fold over all of them), {@link
 * io.murmuration.privacy.ledger.Ledger} (where they are kept, in a file, a Kafka topic or memory)
 * and {@link io.murmuration.privacy.ledger.ChargeHistory} (what they cost, composed anew).
 */
package io.murmuration.privacy.ledger;
