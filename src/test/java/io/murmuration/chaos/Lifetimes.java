package io.murmuration.chaos;

import io.murmuration.event.UserPseudonyms;
import io.murmuration.job.SavepointInspection;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PoissonSubsampledGaussian;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.config.Configurator;

/**
 * What a run has beside where the budget is each user's: a budget for few rounds, a key of ids,
 * people who come and go, and a trace of who was sampled.
 */
final class Lifetimes {

  /** H: few against the rounds of a run, so that most people retire while it goes on. */
  static final long ROUNDS = 5;

  private static final double SAMPLING_PROBABILITY = 0.99;
  private static final double NOISE_MULTIPLIER = 2;

  /** Events until another person has come, who has a turn among so many at a time. */
  private static final int EVENTS_PER_NEWCOMER = 40;

  private static final int PRESENT = 20;

  /** Every so many events somebody speaks who may have gone long ago. */
  private static final int RETURNS = 10;

  private final Path key;
  private final Path trace;

  Lifetimes(Path directory) throws IOException {
    key = directory.resolve("id.key");
    byte[] bytes = new byte[UserPseudonyms.MIN_KEY_BYTES];
    new SecureRandom().nextBytes(bytes);
    Files.write(key, bytes);
    trace = Files.createDirectories(directory.resolve("trace"));
  }

  /** Affords {@link #ROUNDS} rounds and not one more. */
  static double epsilon() {
    PldAccountant accountant = new PldAccountant();
    Mechanism mechanism = new PoissonSubsampledGaussian(SAMPLING_PROBABILITY, NOISE_MULTIPLIER);
    return (accountant.epsilon(mechanism, ROUNDS, ChaosRun.DELTA)
            + accountant.epsilon(mechanism, ROUNDS + 1, ChaosRun.DELTA))
        / 2;
  }

  /** What the job is told otherwise than without them. */
  Map<String, String> settings() {
    return Map.of(
        "horizon.enabled", "true",
        "horizon.id-key-file", key.toString(),
        "privacy.epsilon", String.valueOf(epsilon()),
        "privacy.sampling-probability", String.valueOf(SAMPLING_PROBABILITY),
        "privacy.noise-multiplier", String.valueOf(NOISE_MULTIPLIER));
  }

  /** The directory into which {@link TracedJob} writes. */
  Path trace() {
    return trace;
  }

  /** Who says the event of a number. */
  static String userOf(long event) {
    long newest = event / EVENTS_PER_NEWCOMER;
    // unevenly: squares modulo a prime
    long square = (event * event) % 999_983;
    return "user-" + (event % RETURNS == 0 ? square % (newest + 1) : newest + square % PRESENT);
  }

  /** Names users as the job does. */
  Map<String, Set<String>> named(Map<String, Set<String>> byUser) throws IOException {
    UserPseudonyms pseudonyms = UserPseudonyms.ofFile(key);
    Map<String, Set<String>> named = new TreeMap<>();
    byUser.forEach((user, texts) -> named.put(pseudonyms.of(user), texts));
    return named;
  }

  /** What is left of them after a run. */
  Evidence.Lives gather(String savepoint) throws Exception {
    // what reads the savepoint complains that its cluster has ended, as it should
    Configurator.setLevel("org.apache.flink", Level.ERROR);
    return new Evidence.Lives(
        SampleTrace.read(trace), SavepointInspection.read(savepoint, "rocksdb").users().retired());
  }
}
