package io.murmuration.model;

/**
 * Token ids of one text with what precedes it.
 *
 * @param ids beginning-of-text id, context, text; not modified after construction
 * @param firstTarget index of the first id that is predicted and trained on; everything before it
 *     is context; at least 1
 */
public record TokenSequence(long[] ids, int firstTarget) {

  public TokenSequence {
    if (firstTarget < 1 || firstTarget > ids.length) {
      throw new IllegalArgumentException(
          "firstTarget must lie in [1, " + ids.length + "], given " + firstTarget);
    }
  }

  /** How many ids are predicted; zero if the text tokenized to nothing. */
  public int targets() {
    return ids.length - firstTarget;
  }

  /** How many positions the decoder runs over. */
  public int inputs() {
    return ids.length - 1;
  }
}
