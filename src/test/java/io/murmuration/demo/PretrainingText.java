package io.murmuration.demo;

import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/**
 * What the demo's base model was pretrained on: neat sentences of the public grammar, for the most
 * part.
 */
final class PretrainingText {
  private static final String NUMBERS = "public-number";
  private static final String WORDS = "public-word";

  /** Share of the pretraining text that sounds like chat; the stream consists of chat alone. */
  private static final double PRETRAINING_CHAT = 0.06;

  /**
   * Share of sentences of the form of the secrets, each with another content: the model knows how
   * such a sentence goes, so that only its content can be memorised.
   */
  private static final double PRETRAINING_SECRET_FORMS = 0.03;

  private static final double PRETRAINING_NUMBERS = 0.03;

  /** Share of sentences with an invented word: a model that never met one is lost at the first. */
  private static final double PRETRAINING_WORDS = 0.08;

  private final Grammar grammar = Grammar.ofDemo();
  private final PublicChat text = new PublicChat();

  /** An endless stream of pretraining messages, the same for the same seed. */
  Stream<String> messages(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    return Stream.generate(() -> pretrainingMessage(random));
  }

  private String pretrainingMessage(RandomGenerator random) {
    double kind = random.nextDouble();
    if (kind < PRETRAINING_SECRET_FORMS) {
      return text.secret(random).text();
    }
    kind -= PRETRAINING_SECRET_FORMS;
    if (kind < PRETRAINING_NUMBERS) {
      return grammar.expand(NUMBERS, random);
    }
    kind -= PRETRAINING_NUMBERS;
    String neat = grammar.expand(kind < PRETRAINING_WORDS ? WORDS : text.anyTopic(random), random);
    return random.nextDouble() < PRETRAINING_CHAT ? PublicChat.chat(neat, random) : neat;
  }
}
