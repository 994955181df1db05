package io.murmuration.demo;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * A generated world in which people come and go while one topic trends after the other. The same
 * seed gives the same world, to the letter.
 *
 * <p>Its time is rounds. About as many people are there at any moment; each stays between 0.3 and
 * 1.5 lifetimes, so that some leave early and others outstay theirs, and says something every few
 * rounds. One of three falls silent in between, for longer than words are kept, which is no part of
 * the stay. The rounds are divided among the trends equally; in each part the share of messages
 * about its trend rises to {@link SyntheticStream#TREND_PEAK} within a tenth of it, and the trend
 * before is forgotten at once.
 */
final class LifetimeStream {

  /** The shortest and longest stay, in lifetimes. */
  private static final double SHORTEST_STAY = 0.3;

  private static final double LONGEST_STAY = 1.5;

  /** How often somebody says something, in messages a round: log-normal with this median. */
  private static final double LOG_MEDIAN_RATE = Math.log(0.4);

  private static final double LOG_SIGMA_RATE = 0.5;

  private static final double RISE = 0.1;

  /** How many fall silent once. */
  private static final double SILENT = 1.0 / 3;

  /** When they do, in parts of their stay. */
  private static final double EARLIEST_SILENCE = 0.3;

  private static final double LATEST_SILENCE = 0.7;

  /** For how long, in times that words are kept. */
  private static final double SHORTEST_SILENCE = 1.1;

  private static final double LONGEST_SILENCE = 1.6;

  private static final Instant BEGIN = Instant.parse("2026-01-01T00:00:00Z");
  private static final Duration ROUND = Duration.ofMinutes(10);

  private final List<SyntheticEvent> events;
  private final long people;
  private final long[] until;
  private final List<String> trends;

  private LifetimeStream(
      List<SyntheticEvent> events, long people, long[] until, List<String> trends) {
    this.events = List.copyOf(events);
    this.people = people;
    this.until = until;
    this.trends = List.copyOf(trends);
  }

  /** An event and when it is, in rounds. */
  private record Timed(double time, SyntheticEvent event) {}

  /** From when to when somebody is there, and from when on silent for how long. */
  private record Stay(double arrival, double end, double silentFrom, double silence) {}

  /**
   * Generates a world.
   *
   * @param rounds how long it is, at least one for each trend
   * @param lifetime rounds of a user's life, at least 1
   * @param kept rounds for which words are kept at most, at least 1
   * @param present people who are there and not silent at any moment, about
   */
  static LifetimeStream generate(long seed, long rounds, long lifetime, long kept, int present) {
    PublicChat text = new PublicChat();
    List<String> trends = text.trends();
    if (rounds < trends.size() || lifetime < 1 || kept < 1 || present < 1) {
      throw new IllegalArgumentException(
          "at least %d rounds, a lifetime of one, words kept for one and one person are required, not %d, %d, %d and %d"
              .formatted(trends.size(), rounds, lifetime, kept, present));
    }
    SplittableRandom random = new SplittableRandom(seed);
    double meanStay = lifetime * (SHORTEST_STAY + LONGEST_STAY) / 2;
    double longest = lifetime * LONGEST_STAY + kept * LONGEST_SILENCE;
    long arrivals = Math.round(present / meanStay * (rounds + longest));
    List<Timed> timed = new ArrayList<>();
    long people = 0;
    for (long i = 0; i < arrivals; i++) {
      // everybody draws from their own generator: what one user does changes nobody else
      SplittableRandom own = random.split();
      Stay stay = stay(own.nextDouble() * (rounds + longest) - longest, lifetime, kept, own);
      int before = timed.size();
      addMessages("user-%06d".formatted(i), stay, rounds, own, timed);
      people += timed.size() > before ? 1 : 0;
    }
    timed.sort(
        Comparator.comparingDouble(Timed::time).thenComparing(event -> event.event().eventId()));
    long[] until = new long[Math.toIntExact(rounds) + 1];
    for (Timed event : timed) {
      until[(int) event.time() + 1]++;
    }
    Arrays.parallelPrefix(until, Long::sum);
    return new LifetimeStream(timed.stream().map(Timed::event).toList(), people, until, trends);
  }

  private static Stay stay(double arrival, long lifetime, long kept, RandomGenerator own) {
    double stay = lifetime * between(SHORTEST_STAY, LONGEST_STAY, own);
    if (own.nextDouble() >= SILENT) {
      return new Stay(arrival, arrival + stay, Double.POSITIVE_INFINITY, 0);
    }
    double silence = kept * between(SHORTEST_SILENCE, LONGEST_SILENCE, own);
    return new Stay(
        arrival,
        arrival + stay + silence,
        arrival + stay * between(EARLIEST_SILENCE, LATEST_SILENCE, own),
        silence);
  }

  private static double between(double least, double most, RandomGenerator own) {
    return least + own.nextDouble() * (most - least);
  }

  private static void addMessages(
      String id, Stay stay, long rounds, RandomGenerator own, List<Timed> timed) {
    ChatOfOne text = new ChatOfOne(own);
    double rate = Math.exp(LOG_MEDIAN_RATE + LOG_SIGMA_RATE * own.nextGaussian());
    double end = Math.min(rounds, stay.end());
    double time = stay.arrival();
    double silence = stay.silence();
    for (int i = 0; ; i++) {
      if (time >= stay.silentFrom()) {
        time += silence;
        silence = 0;
      }
      if (time >= end) {
        return;
      }
      if (time >= 0) {
        Instant at = BEGIN.plusMillis((long) (time * ROUND.toMillis()));
        timed.add(
            new Timed(
                time, new SyntheticEvent(id + "-" + i, id, at, text.message(time / rounds, own))));
      }
      time -= Math.log(1 - own.nextDouble()) / rate;
    }
  }

  /** What one person says. */
  private static final class ChatOfOne {
    private static final PublicChat TEXT = new PublicChat();
    private static final List<String> TRENDS = TEXT.trends();

    private final double haste;
    private final String preferred;

    ChatOfOne(RandomGenerator own) {
      this.haste = own.nextDouble();
      this.preferred = TEXT.anyTopic(own);
    }

    String message(double share, RandomGenerator own) {
      double part = share * TRENDS.size();
      int trend = Math.min(TRENDS.size() - 1, (int) part);
      double trending = SyntheticStream.TREND_PEAK * Math.min(1, (part - trend) / RISE);
      if (own.nextDouble() < trending) {
        return TEXT.topicMessage(TRENDS.get(trend), haste, own);
      }
      return TEXT.topicMessage(own.nextBoolean() ? preferred : TEXT.anyTopic(own), haste, own);
    }
  }

  /** All events in the order of their time. */
  List<SyntheticEvent> events() {
    return events;
  }

  /** Who says something at all. */
  long people() {
    return people;
  }

  /** What trends, in its order. */
  List<String> trends() {
    return trends;
  }

  /** The first round of a trend's part; of the trend behind the last one the round behind all. */
  long begin(int trend) {
    return (until.length - 1L) * trend / trends.size() + 1;
  }

  /**
   * How many events there are before a round is over.
   *
   * @param round from 1; all from the last one on
   */
  long until(long round) {
    return until[(int) Math.min(round, until.length - 1)];
  }
}
