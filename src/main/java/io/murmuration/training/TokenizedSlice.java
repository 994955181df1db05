package io.murmuration.training;

import io.murmuration.model.TextTokenizer;
import io.murmuration.model.TokenSequence;
import java.util.List;

/**
 * A privacy slice as token ids.
 *
 * @param sequences those of its examples that have something to train on; at least one
 */
record TokenizedSlice(List<TokenSequence> sequences) {

  TokenizedSlice {
    sequences = List.copyOf(sequences);
  }

  /** Examples that tokenize to nothing are left out of the slice's mean. */
  static List<TokenSequence> tokenize(PrivacySlice slice, TextTokenizer tokenizer, int maxTokens) {
    return slice.examples().stream()
        .map(example -> tokenizer.encode(example.prompt(), example.text(), maxTokens))
        .filter(sequence -> sequence.targets() > 0)
        .toList();
  }

  int longest() {
    return sequences.stream().mapToInt(TokenSequence::inputs).max().orElse(0);
  }

  /** Positions that are no padding. */
  int inputs() {
    return sequences.stream().mapToInt(TokenSequence::inputs).sum();
  }

  int targets() {
    return sequences.stream().mapToInt(TokenSequence::targets).sum();
  }
}
