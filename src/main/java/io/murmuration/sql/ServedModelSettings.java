package io.murmuration.sql;

import io.murmuration.serving.LedgerPlace;
import io.murmuration.serving.Prompt;
import io.murmuration.storage.Location;
import java.io.Serializable;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;

/**
 * What a model of SQL follows and how it answers; travels with the job.
 *
 * @param releases the store
 * @param base directory of the base model; null where releases are whole models
 * @param ledger of the domain whose releases these are
 * @param interval between looks
 * @param maxTokens new tokens of an answer at most
 * @param temperature 0 takes the likeliest token
 * @param seed of sampling; null for another each time
 */
record ServedModelSettings(
    Location releases,
    Location base,
    LedgerPlace ledger,
    Duration interval,
    int maxTokens,
    double temperature,
    Long seed)
    implements Serializable {

  ServedModelSettings {
    if (interval.isNegative() || interval.isZero()) {
      throw new IllegalArgumentException(
          "%s must be longer than nothing, given %s"
              .formatted(ReleaseModelOptions.POLL_INTERVAL.key(), interval));
    }
  }

  /**
   * Reads the options of a model.
   *
   * @param all every option as it was written
   * @throws ValidationException if one says nothing that can be followed
   */
  static ServedModelSettings of(ReadableConfig options, Map<String, String> all) {
    try {
      ServedModelSettings settings =
          new ServedModelSettings(
              Location.of(options.get(ReleaseModelOptions.RELEASES)),
              options.getOptional(ReleaseModelOptions.MODEL).map(Location::of).orElse(null),
              ledger(options, all),
              options.get(ReleaseModelOptions.POLL_INTERVAL),
              options.get(ReleaseModelOptions.MAX_NEW_TOKENS),
              options.get(ReleaseModelOptions.TEMPERATURE),
              options.get(ReleaseModelOptions.SEED));
      settings.prompt(""); // also a check
      return settings;
    } catch (IllegalArgumentException e) {
      throw new ValidationException(e.getMessage(), e);
    }
  }

  private static LedgerPlace ledger(ReadableConfig options, Map<String, String> all) {
    Optional<String> file = options.getOptional(ReleaseModelOptions.LEDGER_FILE);
    Optional<String> servers = options.getOptional(ReleaseModelOptions.LEDGER_SERVERS);
    Optional<String> topic = options.getOptional(ReleaseModelOptions.LEDGER_TOPIC);
    if (file.isPresent() && servers.isEmpty() && topic.isEmpty()) {
      return LedgerPlace.of(Location.of(file.get()));
    }
    if (file.isEmpty() && servers.isPresent() && topic.isPresent()) {
      Map<String, String> client = new TreeMap<>();
      all.forEach(
          (key, value) -> {
            if (key.startsWith(ReleaseModelOptions.LEDGER_PROPERTIES)) {
              client.put(key.substring(ReleaseModelOptions.LEDGER_PROPERTIES.length()), value);
            }
          });
      client.put("bootstrap.servers", servers.get());
      return LedgerPlace.of(topic.get(), client);
    }
    throw new IllegalArgumentException(
        "a release is served if the ledger covers it, so say where that is: either %s, or %s and %s"
            .formatted(
                ReleaseModelOptions.LEDGER_FILE.key(),
                ReleaseModelOptions.LEDGER_SERVERS.key(),
                ReleaseModelOptions.LEDGER_TOPIC.key()));
  }

  /** A prompt as these settings ask it. */
  Prompt prompt(String text) {
    return new Prompt(
        text, maxTokens, temperature, seed == null ? OptionalLong.empty() : OptionalLong.of(seed));
  }
}
