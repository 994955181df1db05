package io.murmuration.model;

/**
 * Negative log likelihood of a set of texts.
 *
 * @param texts how many had at least one predicted token
 * @param tokens predicted tokens
 * @param characters Unicode code points of the texts, as far as they were predicted
 * @param nats summed over the predicted tokens
 */
public record TextLoss(long texts, long tokens, long characters, double nats) {

  /** Nats per predicted token; NaN if there is none. */
  public double nllPerToken() {
    return nats / tokens;
  }

  /** Nats per predicted character; NaN if there is none. */
  public double nllPerChar() {
    return nats / characters;
  }
}
