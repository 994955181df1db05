package io.murmuration.demo;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Turns a neat sentence into what people type in a hurry: no capitals, little punctuation, short
 * forms, a filler before or after.
 */
final class ChatRegister {
  private static final Pattern WORD = Pattern.compile("[a-z]+");
  private static final Map<String, String> SHORT_FORMS =
      Map.of(
          "please", "pls",
          "you", "u",
          "are", "r",
          "tomorrow", "tmrw",
          "tonight", "2nite",
          "for", "4",
          "to", "2",
          "with", "w",
          "because", "cuz",
          "minutes", "min");
  private static final List<String> OPENERS =
      List.of("hey", "hi", "ok so", "um", "quick one", "yo", "hmm", "sorry");
  private static final List<String> CLOSERS =
      List.of("lol", "thx", "pls", "haha", "asap", "cheers", "ok?", "??");

  /** Enough that a register is learned, as chosen for the made-up stream. */
  private static final double FILLER_PROBABILITY = 0.3;

  private ChatRegister() {}

  /**
   * @param haste in [0, 1]: the probability that a word which has a short form is shortened
   */
  static String informal(String sentence, double haste, RandomGenerator random) {
    String lower = sentence.toLowerCase(Locale.ROOT).replaceAll("[?.]$", "");
    String hasty =
        WORD.matcher(lower)
            .replaceAll(
                match -> {
                  String shortForm = SHORT_FORMS.get(match.group());
                  boolean shorten = shortForm != null && random.nextDouble() < haste;
                  return Matcher.quoteReplacement(shorten ? shortForm : match.group());
                });
    StringBuilder text = new StringBuilder();
    if (random.nextDouble() < FILLER_PROBABILITY) {
      text.append(OPENERS.get(random.nextInt(OPENERS.size()))).append(' ');
    }
    text.append(hasty);
    if (random.nextDouble() < FILLER_PROBABILITY) {
      text.append(' ').append(CLOSERS.get(random.nextInt(CLOSERS.size())));
    }
    return text.toString();
  }
}
