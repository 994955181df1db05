package io.murmuration.demo;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.zip.GZIPOutputStream;

/**
 * A generated day of chat: many users with heavy-tailed activity, a topic that starts trending
 * halfway, and a few users who give away a secret again and again. The same seed gives the same
 * day, to the letter.
 *
 * <p>How much a user writes is log-normal with median 4 and mean about 12, like the Ubuntu IRC
 * corpus. Every user prefers some topics and has a haste of typing. From {@link #TREND_START} of
 * the time on, the share of messages about the trend rises to {@link #TREND_PEAK} within {@link
 * #TREND_RISE} of the time.
 */
public final class SyntheticStream {
  /** Users of the demo. */
  public static final int DEFAULT_USERS = 4_000;

  /** Users with a secret in the demo. */
  public static final int DEFAULT_SECRETS = 20;

  /** When the trend begins, as a share of the time of the stream. */
  public static final double TREND_START = 0.5;

  /** How long the trend takes to its peak, as a share of the time of the stream. */
  public static final double TREND_RISE = 0.1;

  /** The share of messages that are about the trend at its peak. */
  public static final double TREND_PEAK = 0.6;

  private static final Instant BEGIN = Instant.parse("2026-01-01T00:00:00Z");
  private static final Duration SPAN = Duration.ofDays(1);

  /**
   * Messages of a user are log-normal with median 4: heavy tailed, as in chats; the number is made
   * up.
   */
  private static final double LOG_MEDIAN_MESSAGES = Math.log(4);

  /** One user in forty says more than twenty times the median. */
  private static final double LOG_SIGMA_MESSAGES = 1.5;

  /** Cuts the tail, so that the stream's length hardly depends on its seed. */
  private static final int MAX_MESSAGES_OF_A_USER = 2_000;

  /** How often the owner of a secret tells it. */
  private static final int TELLINGS = 6;

  /** Most of what a user says is about few topics, so that users differ. */
  private static final double PREFERRED_TOPIC = 0.7;

  private static final int PREFERRED_TOPICS = 2;

  private final List<SyntheticEvent> events;
  private final List<Secret> secrets;

  private SyntheticStream(List<SyntheticEvent> events, List<Secret> secrets) {
    this.events = List.copyOf(events);
    this.secrets = List.copyOf(secrets);
  }

  /**
   * Generates a stream.
   *
   * @param users at least 100 for each user with a secret, so that enough of them write enough
   * @param secrets users with a secret of their own, not negative
   */
  public static SyntheticStream generate(long seed, int users, int secrets) {
    if (users < 1 || secrets < 0 || users < 100L * secrets) {
      throw new IllegalArgumentException(
          "at least one user and 100 users for each secret are required, not %d users and %d secrets"
              .formatted(users, secrets));
    }
    return new Generation(seed).run(users, secrets);
  }

  /** All events in the order of their time. */
  public List<SyntheticEvent> events() {
    return events;
  }

  /** The secrets that were told, one for each user who has one. */
  public List<Secret> secrets() {
    return secrets;
  }

  /**
   * Secrets that nobody wrote, drawn like the ones that were told, the same for the same seed.
   *
   * @return {@code count} distinct secrets, none of which is in {@link #secrets()}
   */
  public List<Secret> untoldSecrets(long seed, int count) {
    SplittableRandom random = new SplittableRandom(seed);
    return drawSecrets(new PublicChat(), new HashSet<>(secrets), count, random);
  }

  private static List<Secret> drawSecrets(
      PublicChat text, Set<Secret> taken, int count, RandomGenerator random) {
    List<Secret> drawn = new ArrayList<>();
    while (drawn.size() < count) {
      Secret secret = text.secret(random);
      if (taken.add(secret)) {
        drawn.add(secret);
      }
    }
    return drawn;
  }

  /**
   * Writes the events as JSON lines with {@code event_id}, {@code user_id}, {@code event_time} and
   * {@code text}, compressed if the name ends in {@code .gz}.
   */
  public void write(Path file) throws IOException {
    boolean compressed = file.toString().endsWith(".gz");
    try (OutputStream raw = Files.newOutputStream(file);
        OutputStream out = compressed ? new GZIPOutputStream(raw, 1 << 16) : raw;
        JsonGenerator json =
            JsonMapper.builder()
                .enable(JsonWriteFeature.ESCAPE_NON_ASCII)
                .build()
                .createGenerator(out)) {
      json.setRootValueSeparator(null);
      for (SyntheticEvent event : events) {
        json.writeStartObject();
        json.writeStringField("event_id", event.eventId());
        json.writeStringField("user_id", event.userId());
        json.writeStringField("event_time", event.eventTime().toString());
        json.writeStringField("text", event.text());
        json.writeEndObject();
        json.writeRaw('\n');
      }
    }
  }

  private record Person(String id, int messages, SplittableRandom random) {
    /** Whether the secret is at most half and at least a tenth of what this person writes. */
    boolean mayTell() {
      return messages >= 2 * TELLINGS && messages <= 10 * TELLINGS;
    }
  }

  /** One run of the generator; holds the random numbers. */
  private static final class Generation {
    private final PublicChat text = new PublicChat();
    private final SplittableRandom random;
    private final long seed;

    Generation(long seed) {
      this.seed = seed;
      this.random = new SplittableRandom(seed);
    }

    SyntheticStream run(int users, int secretCount) {
      List<Secret> secrets = drawSecrets(text, new HashSet<>(), secretCount, random);
      List<Person> people = new ArrayList<>();
      for (int user = 0; user < users; user++) {
        // Everybody draws from their own generator: what one user does changes nobody else.
        SplittableRandom own = random.split();
        people.add(new Person("user-%05d".formatted(user), messageCount(own), own));
      }
      List<Person> talkative = people.stream().filter(Person::mayTell).toList();
      if (talkative.size() < secretCount) {
        throw new IllegalStateException(
            "%d of %d users write as much as telling a secret needs, but there are %d secrets: ask for more users"
                .formatted(talkative.size(), users, secretCount));
      }
      Map<Person, Secret> told = new HashMap<>();
      for (int i = 0; i < secretCount; i++) {
        told.put(talkative.get((int) ((long) i * talkative.size() / secretCount)), secrets.get(i));
      }
      List<SyntheticEvent> events = new ArrayList<>();
      for (Person person : people) {
        addMessages(person, told.get(person), events);
      }
      events.sort(
          Comparator.comparing(SyntheticEvent::eventTime).thenComparing(SyntheticEvent::eventId));
      return new SyntheticStream(events, secrets);
    }

    private static int messageCount(RandomGenerator own) {
      double logNormal = Math.exp(LOG_MEDIAN_MESSAGES + LOG_SIGMA_MESSAGES * own.nextGaussian());
      return (int) Math.max(1, Math.min(MAX_MESSAGES_OF_A_USER, Math.round(logNormal)));
    }

    private void addMessages(Person person, Secret secret, List<SyntheticEvent> events) {
      RandomGenerator own = person.random();
      double haste = own.nextDouble();
      List<String> preferred = new ArrayList<>();
      for (int i = 0; i < PREFERRED_TOPICS; i++) {
        preferred.add(anyOf(text.topics(), own));
      }
      for (int i = 0; i < person.messages(); i++) {
        double time = own.nextDouble();
        String message;
        if (secret != null && i < TELLINGS) {
          message = secret.text();
        } else if (own.nextDouble() < trendShare(time)) {
          message = text.trendMessage(haste, own);
        } else {
          List<String> choice = own.nextDouble() < PREFERRED_TOPIC ? preferred : text.topics();
          message = text.topicMessage(anyOf(choice, own), haste, own);
        }
        Instant eventTime = BEGIN.plusMillis((long) (time * SPAN.toMillis()));
        String eventId = "synthetic-%x-%s-%d".formatted(seed, person.id(), i);
        events.add(new SyntheticEvent(eventId, person.id(), eventTime, message));
      }
    }

    private static double trendShare(double time) {
      return TREND_PEAK * Math.max(0, Math.min(1, (time - TREND_START) / TREND_RISE));
    }

    private static String anyOf(List<String> choice, RandomGenerator own) {
      return choice.get(own.nextInt(choice.size()));
    }
  }
}
