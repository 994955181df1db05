package io.murmuration.demo;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.murmuration.event.avro.Interaction;
import io.murmuration.model.TextTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Users whom only an auditor knows: each writes a sequence that nobody else would, if a fair coin
 * says so. The file that holds them is the auditor's secret: it has the coins.
 *
 * @param settings what the run was asked to do, in words; another run must not take up its canaries
 * @param canaries in an order that knows nothing of the coins
 */
record AuditCanaries(
    @JsonProperty("settings") String settings, @JsonProperty("canaries") List<Canary> canaries) {

  /** How often a canary says its sequence, so that a pool is sure to hold it. */
  private static final int TIMES = 3;

  /**
   * Words of a sequence: with the lengths below at least 24 letters of 15: no two canaries agree,
   * and nobody else says one.
   */
  private static final int WORDS = 8;

  private static final int SHORTEST_WORD = 3;
  private static final int LONGEST_WORD = 6;

  /** Letters that hardly follow each other in any language, so that their n-grams are rare. */
  private static final String LETTERS = "bcdfghjkmpqvwxz";

  /** One canary. */
  record Canary(
      @JsonProperty("user_id") String userId,
      @JsonProperty("text") String text,
      @JsonProperty("included") boolean included) {}

  AuditCanaries {
    canaries = List.copyOf(canaries);
  }

  /** Makes canaries and tosses their coins. */
  static AuditCanaries toss(String settings, int count) {
    SecureRandom random = new SecureRandom();
    // an id that somebody of the events has would join two users into one
    String prefix = "canary-%016x-".formatted(random.nextLong());
    List<Canary> canaries = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      canaries.add(new Canary(prefix + i, sequence(random), random.nextBoolean()));
    }
    return new AuditCanaries(settings, canaries);
  }

  /**
   * Checks that the model can tell canaries apart: an audit whose sequences are cut or encoded to
   * the same ids finds nothing and looks like a success.
   *
   * @param maxTokens where an example is cut, beginning of text included
   * @throws IllegalArgumentException if two sequences become the same ids
   */
  void requireDistinct(TextTokenizer tokenizer, int maxTokens) {
    Map<List<Long>, Canary> seen = new HashMap<>();
    for (Canary canary : canaries) {
      long[] ids = tokenizer.encode(null, canary.text(), maxTokens).ids();
      Canary same = seen.put(Arrays.stream(ids).boxed().toList(), canary);
      if (same != null) {
        throw new IllegalArgumentException(
            "canaries must differ for the model but '%s' and '%s' have the same %d tokens; raise --max-tokens, or take a model whose vocabulary has the letters %s"
                .formatted(same.text(), canary.text(), ids.length, LETTERS));
      }
    }
  }

  private static String sequence(SecureRandom random) {
    List<String> words = new ArrayList<>();
    for (int word = 0; word < WORDS; word++) {
      StringBuilder letters = new StringBuilder();
      int length = SHORTEST_WORD + random.nextInt(LONGEST_WORD - SHORTEST_WORD + 1);
      for (int i = 0; i < length; i++) {
        letters.append(LETTERS.charAt(random.nextInt(LETTERS.length())));
      }
      words.add(letters.toString());
    }
    return String.join(" ", words);
  }

  /**
   * The canaries of an audit that was begun in a directory, or new ones, kept there before anything
   * else is done with them.
   *
   * @throws IllegalArgumentException if those that are there are of other settings
   */
  static AuditCanaries in(Path file, String settings, int count) throws IOException {
    JsonMapper json = new JsonMapper();
    if (!Files.exists(file)) {
      AuditCanaries tossed = toss(settings, count);
      Files.write(file, json.writerWithDefaultPrettyPrinter().writeValueAsBytes(tossed));
      return tossed;
    }
    AuditCanaries begun = json.readValue(file.toFile(), AuditCanaries.class);
    if (!begun.settings().equals(settings)) {
      throw new IllegalArgumentException(
          "the audit in %s was begun with other settings and must go on with them, '%s', but was given '%s'; give the same, or another --out"
              .formatted(file.getParent(), begun.settings(), settings));
    }
    return begun;
  }

  /** What those who are in say, users in turn. */
  List<Interaction> interactions() {
    List<Interaction> said = new ArrayList<>();
    for (int time = 0; time < TIMES; time++) {
      for (Canary canary : canaries) {
        if (canary.included()) {
          said.add(
              Interaction.newBuilder()
                  .setEventId(canary.userId() + "-" + time)
                  .setUserId(canary.userId())
                  .setEventTime(Instant.EPOCH)
                  .setText(canary.text())
                  .build());
        }
      }
    }
    return said;
  }

  /** Their coins in order. */
  boolean[] coins() {
    boolean[] coins = new boolean[canaries.size()];
    for (int i = 0; i < coins.length; i++) {
      coins[i] = canaries.get(i).included();
    }
    return coins;
  }
}
