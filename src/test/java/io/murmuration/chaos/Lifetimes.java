package io.murmuration.chaos;

import io.murmuration.contribution.ContributionBounds;
import io.murmuration.event.UserPseudonyms;
import io.murmuration.job.SavepointInspection;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.mechanism.Sampler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.config.Configurator;

/**
 * What a run has beside where the budget is each user's: a budget for few rounds of each
 * generation, a key of ids, people who come, are erased and go, and a trace of who was sampled.
 */
final class Lifetimes {

  /** H: few against the rounds of a run, so that most people retire while it goes on. */
  static final long ROUNDS = 5;

  /** The second begins from the first's state, the third without any. */
  static final int GENERATIONS = 3;

  /** Of whom is erased now and then: every so many people, and every so many of their events. */
  private static final int SPARED = 3;

  private static final int KEPT = 5;

  private final Path key;
  private final Path trace;
  private final Sampler sampler;

  /**
   * @param sampler what is sampled: users, or each of their examples
   */
  Lifetimes(Path directory, Sampler sampler) throws IOException {
    this.sampler = sampler;
    key = directory.resolve("id.key");
    byte[] bytes = new byte[UserPseudonyms.MIN_KEY_BYTES];
    new SecureRandom().nextBytes(bytes);
    Files.write(key, bytes);
    trace = Files.createDirectories(directory.resolve("trace"));
  }

  private double samplingProbability() {
    return sampler == Sampler.ULS ? 0.99 : 0.5;
  }

  private double noiseMultiplier() {
    return sampler == Sampler.ULS ? 2 : 8;
  }

  /** Keeps all that people say: of examples that are sampled one by one nobody has many. */
  ContributionBounds bounds() {
    return sampler == Sampler.ULS
        ? ChaosRun.KEEP_ALL
        : new ContributionBounds(
            ChaosRun.KEEP_ALL.windowTicks(), Visitors.TEXTS, ChaosRun.KEEP_ALL.windows());
  }

  /** Of the domain: a generation's share affords {@link #ROUNDS} rounds and not one more. */
  double epsilon() {
    PldAccountant accountant = new PldAccountant();
    Mechanism mechanism =
        sampler.accounted(samplingProbability(), bounds().poolSize(), noiseMultiplier());
    double share = ChaosRun.DELTA / GENERATIONS;
    return GENERATIONS
        * (accountant.epsilon(mechanism, ROUNDS, share)
            + accountant.epsilon(mechanism, ROUNDS + 1, share))
        / 2;
  }

  /** What the job is told otherwise than without them. */
  Map<String, String> settings() {
    Map<String, String> settings = new HashMap<>();
    settings.put("horizon.enabled", "true");
    settings.put("horizon.id-key-file", key.toString());
    settings.put("horizon.generations", String.valueOf(GENERATIONS));
    settings.put("privacy.epsilon", String.valueOf(epsilon()));
    settings.put("privacy.sampler", sampler.name());
    settings.put("privacy.sampling-probability", String.valueOf(samplingProbability()));
    settings.put("privacy.noise-multiplier", String.valueOf(noiseMultiplier()));
    if (sampler == Sampler.ELS) {
      settings.put("privacy.group-size", String.valueOf(bounds().poolSize()));
      settings.put(
          "contribution.examples-per-window", String.valueOf(bounds().examplesPerWindow()));
    }
    return settings;
  }

  /** The directory into which {@link TracedJob} writes. */
  Path trace() {
    return trace;
  }

  /** About two newcomers a second: another generation trains on all of them at once. */
  double eventsPerSecond() {
    return sampler == Sampler.ULS ? 150 : 15;
  }

  /** Who does what in the event of a number. */
  Traffic.Act act(long event) {
    long person = sampler == Sampler.ULS ? Neighbours.personOf(event) : Visitors.personOf(event);
    // unevenly: squares modulo a prime
    boolean erases = person % SPARED == 0 && (event * event) % 1_009 % KEPT == 0;
    return new Traffic.Act("user-" + person, erases);
  }

  /** People who say a lot for a while, and come back. */
  private static final class Neighbours {

    /** Events until another person has come, who has a turn among so many at a time. */
    private static final int EVENTS_PER_NEWCOMER = 75;

    private static final int PRESENT = 20;

    /** Every so many events somebody speaks who may have gone long ago. */
    private static final int RETURNS = 10;

    static long personOf(long event) {
      long newest = event / EVENTS_PER_NEWCOMER;
      // unevenly: squares modulo a prime
      long square = (event * event) % 999_983;
      return event % RETURNS == 0 ? square % (newest + 1) : newest + square % PRESENT;
    }
  }

  /** People who each say a few things together with others, and one more a good while later. */
  private static final class Visitors {

    static final int TEXTS = 8;
    private static final int PRESENT = 20;
    private static final int GROUPS_LATER = 3;

    static long personOf(long event) {
      long group = event / (PRESENT * TEXTS);
      long place = event % (PRESENT * TEXTS);
      // people before the first group say one thing
      long whose = place < PRESENT ? group : group + GROUPS_LATER;
      return whose * PRESENT + place % PRESENT;
    }
  }

  /** Names users as the job does. */
  Map<String, Set<String>> named(Map<String, Set<String>> byUser) throws IOException {
    UserPseudonyms pseudonyms = UserPseudonyms.ofFile(key);
    Map<String, Set<String>> named = new TreeMap<>();
    byUser.forEach((user, texts) -> named.put(pseudonyms.of(user), texts));
    return named;
  }

  /**
   * What is left of them after a run.
   *
   * @param erased who asked for it
   */
  Evidence.Lives gather(String savepoint, Collection<String> erased) throws Exception {
    UserPseudonyms pseudonyms = UserPseudonyms.ofFile(key);
    Set<String> named = new TreeSet<>();
    erased.forEach(user -> named.add(pseudonyms.of(user)));
    // what reads the savepoint complains that its cluster has ended, as it should
    Configurator.setLevel("org.apache.flink", Level.ERROR);
    return new Evidence.Lives(
        SampleTrace.read(trace),
        SavepointInspection.read(savepoint, "rocksdb").users().retired(),
        named);
  }
}
