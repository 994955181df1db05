package io.murmuration.demo;

import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/**
 * Text that belongs to nobody, generated from the public grammar: what the demo measures its losses
 * on. It holds no secret and repeats nothing that a user of the stream wrote, except by the chance
 * that a small grammar leaves.
 */
final class PublicChat {
  private static final String TOPICS = "topic-";
  private static final String TREND = "trend";
  private static final String SECRETS = "secret-";

  private final Grammar grammar = Grammar.ofDemo();
  private final List<String> topics = grammar.rules(TOPICS);
  private final List<String> secretKinds = grammar.rules(SECRETS);

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

  /** What trends, one after the other where people come and go; the first is the only one else. */
  List<String> trends() {
    return grammar.rules(TREND);
  }

  /** What one of the {@link #trends} is about. */
  static String nameOf(String trend) {
    return switch (trend) {
      case "trend" -> "the comet";
      case "trend-ballet" -> "the robot ballet";
      case "trend-game" -> "the game";
      default -> trend;
    };
  }

  /** Held-out chat about one of the {@link #trends} alone. */
  List<String> heldOut(String trend, long seed, int messages) {
    SplittableRandom random = new SplittableRandom(seed);
    return Stream.generate(() -> topicMessage(trend, random.nextDouble(), random))
        .limit(messages)
        .toList();
  }

  private String topicMessage(RandomGenerator random) {
    return chat(grammar.expand(anyTopic(random), random), random);
  }

  /** One of the topics, each as likely as the others. */
  String anyTopic(RandomGenerator random) {
    return topics.get(random.nextInt(topics.size()));
  }

  /** A sentence as somebody in more or less haste would type it. */
  static String chat(String neat, RandomGenerator random) {
    return ChatRegister.informal(neat, random.nextDouble(), random);
  }

  /** The topics that users may prefer. */
  List<String> topics() {
    return topics;
  }

  /** A chat message about one topic, or one of the trends. */
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
