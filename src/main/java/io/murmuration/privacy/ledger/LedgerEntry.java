package io.murmuration.privacy.ledger;

/**
 * One link of the ledger's hash chain.
 *
 * @param sequence position in the ledger, from 0
 * @param previousHash hash of the entry before, {@link #NO_HASH} for the first
 * @param record what it records
 * @param hash SHA-256 over sequence, previous hash and record as written, lower-case hexadecimal
 * @param line the entry as written: one JSON object without line end
 */
public record LedgerEntry(
    long sequence, String previousHash, LedgerRecord record, String hash, String line) {

  /** The previous hash of the first entry: 64 zeros. */
  public static final String NO_HASH = "0".repeat(64);

  /** The entry that records {@code record} right after the head of {@code state}. */
  public static LedgerEntry after(LedgerState state, LedgerRecord record) {
    return LedgerCodec.encode(state.nextSequence(), state.headHash(), record);
  }
}
