package io.murmuration.demo;

import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/**
 * Text that belongs to nobody, generated from the public grammar: what the base model was
 * pretrained on, and what the demo measures its loss on. It holds no secret and repeats nothing
 * that a user of the stream wrote, except by the chance that a small grammar leaves.
 */
public final class PublicText {
  private static final String TOPICS = "topic-";
  private static final String TREND = "trend";
  private static final String SECRETS = "secret-";
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
  private final List<String> topics = grammar.rules(TOPICS);
  private final List<String> secretKinds = grammar.rules(SECRETS);

  /** An endless stream of pretraining messages, the same for the same seed. */
  public Stream<String> pretraining(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    return Stream.generate(() -> pretrainingMessage(random));
  }

  private String pretrainingMessage(RandomGenerator random) {
    double kind = random.nextDouble();
    if (kind < PRETRAINING_SECRET_FORMS) {
      return secret(random).text();
    }
    kind -= PRETRAINING_SECRET_FORMS;
    if (kind < PRETRAINING_NUMBERS) {
      return grammar.expand(NUMBERS, random);
    }
    kind -= PRETRAINING_NUMBERS;
    String neat = grammar.expand(kind < PRETRAINING_WORDS ? WORDS : anyTopic(random), random);
    return random.nextDouble() < PRETRAINING_CHAT ? chat(neat, random) : neat;
  }

  /** Held-out chat about the old topics, as users wrote before the trend. */
  public List<String> heldOutBeforeTrend(long seed, int messages) {
    SplittableRandom random = new SplittableRandom(seed);
    return Stream.generate(() -> topicMessage(random)).limit(messages).toList();
  }

  /** Held-out chat about the trend alone. */
  public List<String> heldOutTrend(long seed, int messages) {
    SplittableRandom random = new SplittableRandom(seed);
    return Stream.generate(() -> trendMessage(random.nextDouble(), random))
        .limit(messages)
        .toList();
  }

  private String topicMessage(RandomGenerator random) {
    return chat(grammar.expand(anyTopic(random), random), random);
  }

  private String anyTopic(RandomGenerator random) {
    return topics.get(random.nextInt(topics.size()));
  }

  private static String chat(String neat, RandomGenerator random) {
    return ChatRegister.informal(neat, random.nextDouble(), random);
  }

  /** The topics that users may prefer. */
  List<String> topics() {
    return topics;
  }

  /** A chat message about one topic. */
  String topicMessage(String topic, double haste, RandomGenerator random) {
    return ChatRegister.informal(grammar.expand(topic, random), haste, random);
  }

  /** A chat message about the trend. */
  String trendMessage(double haste, RandomGenerator random) {
    return ChatRegister.informal(grammar.expand(TREND, random), haste, random);
  }

  /** A sentence with a content that is drawn afresh. */
  Secret secret(RandomGenerator random) {
    String kind = secretKinds.get(random.nextInt(secretKinds.size()));
    return new Secret(kind.substring(SECRETS.length()), grammar.expand(kind, random));
  }
}
