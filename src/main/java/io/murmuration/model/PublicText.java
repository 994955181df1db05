package io.murmuration.model;

import java.nio.file.Path;
import java.util.List;

/**
 * Text that is nobody's, to find out whether a model works at all before anybody's text is spent on
 * it.
 */
public final class PublicText {

  private static final List<String> SENTENCES =
      List.of(
          "A murmuration is a flock of starlings: thousands of birds make one shape, and no single"
              + " bird can be picked out of it.",
          "Größe, naïve, Ελλάδα, привет, 日本語, العربية, हिन्दी; 1234567890 + {x: [1.5e-3]} //"
              + " 🐦👩‍👩‍👧\n"
              + "\tend.");

  private PublicText() {}

  /**
   * Texts that a tokenizer makes tokens of: sentences of several scripts, or, where it knows
   * nothing of them, its own vocabulary.
   *
   * @throws ModelFormatException if no text comes to a token
   */
  public static List<String> of(LanguageModel model) {
    TextTokenizer tokenizer = model.tokenizer();
    List<String> known =
        SENTENCES.stream().filter(text -> tokenizer.tokens(text).count() > 1).toList();
    if (!known.isEmpty()) {
      return known;
    }
    StringBuilder vocabulary = new StringBuilder();
    for (int id = 0; id < model.description().vocabularySize(); id++) {
      vocabulary.append(tokenizer.decode(id)).append(' ');
      if (vocabulary.length() > SENTENCES.get(0).length()
          && tokenizer.tokens(vocabulary.toString()).count() > 1) {
        return List.of(vocabulary.toString());
      }
    }
    throw new ModelFormatException(
        model.directory() + ": expected a tokenizer that makes tokens of text, found none");
  }

  /**
   * A text that fills a context: the first of {@link #of}, again and again.
   *
   * @param tokens at least so many
   */
  public static String filling(LanguageModel model, int tokens) {
    String text = of(model).get(0);
    int count = model.tokenizer().tokens(text).count();
    return (text + " ").repeat(tokens / count + 2);
  }

  /**
   * Checks that a model has a finite loss on these texts.
   *
   * @param directory names it in the message
   * @param loss of {@link #of}
   * @throws ModelFormatException if it has not
   */
  static void requireFinite(Path directory, TextLoss loss) {
    if (!Double.isFinite(loss.nats())) {
      throw new ModelFormatException(
          "%s: expected a finite loss on a public text, found %s nats; its weights, or the adapter's, overflow"
              .formatted(directory, loss.nats()));
    }
  }
}
