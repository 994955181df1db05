package io.murmuration.job;

import io.murmuration.config.ContributionConfig;
import io.murmuration.config.ContributionOptions.TruncationKind;
import io.murmuration.config.EventsConfig;
import io.murmuration.config.HorizonConfig;
import io.murmuration.config.MurmurationConfig;
import io.murmuration.contribution.SamplerIdentity;
import io.murmuration.event.InteractionRules;
import io.murmuration.event.UserCounting;
import io.murmuration.event.UserPseudonyms;
import io.murmuration.privacy.budget.HorizonTerms;
import io.murmuration.privacy.mechanism.InputTopic;
import io.murmuration.rounds.BaseModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.commons.codec.digest.DigestUtils;
import org.apache.kafka.clients.consumer.ConsumerConfig;

/**
 * What the counting of users' lifetimes rests on, as configured.
 *
 * @param input the topic of events
 * @param counting what events need
 * @param eventRules fingerprint of what decides whether a record is valid
 */
record ConfiguredLifetimes(InputTopic input, UserCounting counting, String eventRules) {

  /** Raised with every change of the code after which other records are valid. */
  private static final int RULES_VERSION = 1;

  /** 64 bits: nobody means to make two topics or tokenizers look alike. */
  private static final int FINGERPRINT_BYTES = 8;

  /**
   * Makes them as configured; asks the brokers how many partitions the topic has.
   *
   * @return empty where users have no lifetimes
   * @throws IllegalArgumentException if the topic or the key is not one to count with
   */
  static Optional<ConfiguredLifetimes> of(MurmurationConfig config) {
    if (!config.privacy().horizon().enabled()) {
      return Optional.empty();
    }
    InputTopic input =
        KafkaInputTopic.of(
            config.io().topics().interactions(), config.io().clientProperties("lifetimes"));
    return Optional.of(of(config, input));
  }

  /** The same with a topic of that kind. */
  static ConfiguredLifetimes of(MurmurationConfig config, InputTopic input) {
    try (InputTopic.Connection connection = input.open()) {
      UserPseudonyms pseudonyms =
          UserPseudonyms.ofFile(Path.of(config.privacy().horizon().idKeyFile()));
      return new ConfiguredLifetimes(
          input,
          new UserCounting(pseudonyms, connection.read().partitions()),
          fingerprint(rules(config)));
    } catch (IOException e) {
      throw new UncheckedIOException(e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Interrupted while the topic of events was asked", e);
    }
  }

  /** What the sampler's state must agree with. */
  SamplerIdentity identity() {
    return new SamplerIdentity(
        counting.pseudonyms().fingerprint(), eventRules, counting.partitions());
  }

  /** What the ledger holds a generation to. */
  HorizonTerms terms(HorizonConfig horizon) {
    SortedMap<String, String> identity = new TreeMap<>();
    identity.put("id-key", counting.pseudonyms().fingerprint());
    identity.put("event-rules", eventRules);
    identity.put("partitions", Integer.toString(counting.partitions()));
    return new HorizonTerms(horizon.generations(), horizon.newGeneration(), identity);
  }

  /**
   * All that decides whether a record is valid, apart from schemas: these are known before the
   * first record that names them, and stay. Where texts are cut by tokens, so do the lengths to
   * which they are cut: a text that is short enough is not tried on the tokenizer.
   */
  private static String rules(MurmurationConfig config) throws IOException {
    EventsConfig events = config.events();
    ContributionConfig contribution = config.contribution();
    InteractionRules rules = contribution.rules();
    List<String> all =
        new ArrayList<>(
            List.of(
                "version " + RULES_VERSION,
                "format " + events.format(),
                "paths " + events.paths(),
                "time " + events.timeFormat(),
                "record " + rules.maxRecordBytes(),
                "user id " + rules.maxUserIdBytes(),
                "text " + rules.maxTextChars(),
                "prompt " + rules.maxPromptChars(),
                "isolation "
                    + config
                        .io()
                        .clientProperties()
                        .getProperty(ConsumerConfig.ISOLATION_LEVEL_CONFIG)));
    if (contribution.truncation() == TruncationKind.TOKENS) {
      Path model = BaseModel.tokenizer(config.training());
      all.add("kept text " + rules.keptTextChars());
      all.add("kept prompt " + rules.keptPromptChars());
      all.add("tokens " + config.training().maxTokens());
      for (String file : List.of("config.json", "tokenizer.json")) {
        all.add(file + " " + fingerprint(Files.readAllBytes(model.resolve(file))));
      }
    }
    return String.join("\n", all);
  }

  private static String fingerprint(String text) {
    return fingerprint(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String fingerprint(byte[] bytes) {
    return HexFormat.of().formatHex(DigestUtils.sha256(bytes), 0, FINGERPRINT_BYTES);
  }
}
