package io.murmuration.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.murmuration.contribution.PooledTexts;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PoissonSubsampledGaussian;
import io.murmuration.privacy.budget.KafkaEndpoint;
import io.murmuration.privacy.budget.KafkaLedger;
import io.murmuration.privacy.budget.Ledger;
import io.murmuration.privacy.budget.LedgerEntry;
import io.murmuration.privacy.budget.LedgerRecord.Charge;
import io.murmuration.privacy.budget.LedgerState;
import io.murmuration.privacy.budget.RoundMechanism;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.ReleaseCatalog;
import io.murmuration.release.ReleaseManifest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Compares what was sent, what the ledger holds and what is visible, after everything is over. */
final class ChaosAudit {

  /** The accountant's precision: two ways of composing may differ by so much. */
  private static final double EPSILON_TOLERANCE = 1e-3;

  private static final JsonMapper JSON = new JsonMapper();

  private final String bootstrapServers;
  private final Path releases;
  private final List<String> changedReleases;

  ChaosAudit(String bootstrapServers, Path releases, List<String> changedReleases) {
    this.bootstrapServers = bootstrapServers;
    this.releases = releases;
    this.changedReleases = changedReleases;
  }

  /**
   * The table and what is wrong.
   *
   * @param rows name and value, in order
   * @param violations of invariants; empty if all hold
   */
  record Result(Map<String, String> rows, List<String> violations) {

    String table() {
      StringBuilder table = new StringBuilder();
      rows.forEach((name, value) -> table.append("%-42s %s%n".formatted(name, value)));
      table.append(
          violations.isEmpty()
              ? "every invariant holds%n".formatted()
              : "BROKEN: %s%n".formatted(String.join("%nBROKEN: ".formatted(), violations)));
      return table.toString();
    }
  }

  Result audit(
      Map<String, Set<String>> sent,
      String savepoint,
      int troubles,
      int submissions,
      Duration duration)
      throws Exception {
    Map<String, String> rows = new LinkedHashMap<>();
    List<String> violations = new ArrayList<>();
    rows.put("duration", duration.toSeconds() + " s");
    rows.put("troubles, submissions", troubles + ", " + submissions);
    List<LedgerEntry> entries = ledger();
    LedgerState ledger = LedgerState.of(entries, "ledger");
    auditEvents(sent, savepoint, ledger, rows, violations);
    auditRounds(entries, ledger, rows, violations);
    return new Result(rows, violations);
  }

  private List<LedgerEntry> ledger() throws Exception {
    try (Ledger ledger =
        new KafkaLedger(
            ChaosRun.DOMAIN,
            KafkaEndpoint.of(
                "murmuration-ledger-" + ChaosRun.DOMAIN,
                Map.of("bootstrap.servers", bootstrapServers),
                /* replicationFactor= */ 1))) {
      return ledger.read();
    }
  }

  private static void auditEvents(
      Map<String, Set<String>> sent,
      String savepoint,
      LedgerState ledger,
      Map<String, String> rows,
      List<String> violations)
      throws Exception {
    long tickAfterAll =
        Math.floorDiv(
                System.currentTimeMillis() - ledger.genesis().orElseThrow().genesisMillis(),
                ledger.genesis().orElseThrow().roundIntervalMillis())
            + 1_000;
    Map<String, List<String>> counted = PooledTexts.in(savepoint, ChaosRun.KEEP_ALL, tickAfterAll);
    long lost = 0;
    long doubled = 0;
    long foreign = 0;
    Set<String> users = new TreeSet<>(sent.keySet());
    users.addAll(counted.keySet());
    List<String> uneven = new ArrayList<>();
    for (String user : users) {
      List<String> kept = counted.getOrDefault(user, List.of());
      Set<String> distinct = new HashSet<>(kept);
      Set<String> said = sent.getOrDefault(user, Set.of());
      long userLost = said.stream().filter(text -> !distinct.contains(text)).count();
      long userForeign = distinct.stream().filter(text -> !said.contains(text)).count();
      long userDoubled = kept.size() - distinct.size();
      if (userLost + userForeign + userDoubled > 0) {
        uneven.add(user);
      }
      lost += userLost;
      doubled += userDoubled;
      foreign += userForeign;
    }
    long total = sent.values().stream().mapToLong(Set::size).sum();
    rows.put("users", String.valueOf(users.size()));
    rows.put("events sent", String.valueOf(total));
    rows.put(
        "events counted", String.valueOf(counted.values().stream().mapToLong(List::size).sum()));
    rows.put("events lost", String.valueOf(lost));
    rows.put("events doubled", String.valueOf(doubled));
    rows.put("events nobody sent", String.valueOf(foreign));
    if (!uneven.isEmpty()) {
      violations.add("events of these users are lost, doubled or not theirs: " + uneven);
    }
    if (total == 0) {
      violations.add("nothing was sent");
    }
  }

  private void auditRounds(
      List<LedgerEntry> entries,
      LedgerState ledger,
      Map<String, String> rows,
      List<String> violations)
      throws Exception {
    Map<String, Charge> charges = new HashMap<>();
    for (LedgerEntry entry : entries) {
      if (entry.record() instanceof Charge charge) {
        charges.put(entry.hash(), charge);
      }
    }
    List<String> executed = executed();
    Set<String> executedOnce = new HashSet<>(executed);
    Set<String> charged = new HashSet<>();
    charges.values().forEach(charge -> charged.add(charge.epoch() + "/" + charge.round()));
    if (!charged.containsAll(executedOnce)) {
      violations.add("a round was executed without a charge");
    }
    rows.put("epochs", String.valueOf(ledger.epoch()));
    rows.put("rounds charged", String.valueOf(charges.size()));
    rows.put(
        "rounds void (charged, never run)", String.valueOf(charges.size() - executedOnce.size()));
    rows.put("rounds executed", String.valueOf(executedOnce.size()));
    rows.put("rounds executed twice", String.valueOf(executed.size() - executedOnce.size()));

    ReleaseCatalog catalog = new ReleaseCatalog(DirectoryModelStore.reading(releases));
    List<ReleaseManifest> manifests = new ArrayList<>();
    for (ReleaseCatalog.Checked release : catalog.verify()) {
      release.problems().forEach(problem -> violations.add(release.name() + ": " + problem));
      if (release.manifest() != null) {
        manifests.add(release.manifest());
      }
    }
    for (ReleaseManifest manifest : manifests) {
      Charge charge =
          new Charge(manifest.epoch(), manifest.round(), manifest.tick(), manifest.phase());
      if (!charge.equals(charges.get(manifest.ledgerHash()))) {
        violations.add("round %d is published but not charged".formatted(manifest.round()));
      }
    }
    long publishedTwice = publishedTwice(manifests, violations);
    rows.put("rounds published", String.valueOf(manifests.size()));
    rows.put("rounds published twice", String.valueOf(publishedTwice));
    rows.put("releases that changed or vanished", String.valueOf(changedReleases.size()));
    if (executed.size() != executedOnce.size()) {
      violations.add("a round was executed twice");
    }
    if (publishedTwice > 0) {
      violations.add("a round was published twice");
    }
    changedReleases.forEach(name -> violations.add("changed after it was visible: " + name));
    if (manifests.isEmpty()) {
      violations.add("nothing was published");
    }
    auditEpsilon(manifests, ledger, rows, violations);
  }

  /** Rounds whose announcements, at least one each, speak of different bytes. */
  private long publishedTwice(List<ReleaseManifest> manifests, List<String> violations)
      throws Exception {
    Map<Long, Set<String>> digests = new TreeMap<>();
    for (ConsumerRecord<byte[], byte[]> record : records("releases")) {
      JsonNode announcement = JSON.readTree(record.value());
      digests
          .computeIfAbsent(
              announcement.get("manifest").get("round").longValue(), round -> new HashSet<>())
          .add(announcement.get("release_sha256").textValue());
    }
    Set<Long> published = new TreeSet<>();
    manifests.forEach(manifest -> published.add(manifest.round()));
    Set<Long> unknown = new TreeSet<>(digests.keySet());
    unknown.removeAll(published);
    if (!unknown.isEmpty()) {
      violations.add("announced but not visible: rounds " + unknown);
    }
    return digests.values().stream().filter(of -> of.size() > 1).count();
  }

  /** Acknowledgements of executed rounds as epoch/round, in order. */
  private List<String> executed() throws Exception {
    List<String> executed = new ArrayList<>();
    for (ConsumerRecord<byte[], byte[]> record :
        records("murmuration-feedback-" + ChaosRun.DOMAIN)) {
      JsonNode round = JSON.readTree(record.value());
      executed.add(round.get("epoch").longValue() + "/" + round.get("round").longValue());
    }
    return executed;
  }

  /** Composes again, from the ledger alone, what the manifests claim. */
  private static void auditEpsilon(
      List<ReleaseManifest> manifests,
      LedgerState ledger,
      Map<String, String> rows,
      List<String> violations) {
    RoundMechanism mechanism = ledger.phase().orElseThrow().mechanism();
    PoissonSubsampledGaussian pld =
        new PoissonSubsampledGaussian(mechanism.samplingProbability(), mechanism.noiseMultiplier());
    PldAccountant accountant = new PldAccountant();
    double claimed = 0;
    for (ReleaseManifest manifest : manifests) {
      claimed = Math.max(claimed, manifest.epsilonSpent());
    }
    double least = 0;
    if (!manifests.isEmpty()) {
      // what is visible, and not a round more
      least = accountant.epsilon(pld, manifests.size(), ChaosRun.DELTA);
    }
    double recomputed = accountant.epsilon(pld, ledger.rounds(), ChaosRun.DELTA);
    long lastPublished = manifests.stream().mapToLong(ReleaseManifest::round).max().orElse(0);
    double atLast = lastPublished == 0 ? 0 : accountant.epsilon(pld, lastPublished, ChaosRun.DELTA);
    rows.put("epsilon claimed by the last release", String.valueOf(claimed));
    rows.put("epsilon of its charge, from the ledger", String.valueOf(atLast));
    rows.put("epsilon of all charges, from the ledger", String.valueOf(recomputed));
    rows.put("epsilon of what is visible", String.valueOf(least));
    rows.put("epsilon budget", String.valueOf(ledger.epsilonBudget()));
    if (Math.abs(claimed - atLast) > EPSILON_TOLERANCE * atLast) {
      violations.add(
          "the last release claims %s but its charge costs %s".formatted(claimed, atLast));
    }
    if (claimed < least * (1 - EPSILON_TOLERANCE)) {
      violations.add("less epsilon is claimed than what is visible costs");
    }
    if (claimed > ledger.epsilonBudget() || ledger.epsilonBudget() != ChaosRun.EPSILON) {
      violations.add("the budget is passed");
    }
  }

  /** Everything that a topic of one partition holds now. */
  private List<ConsumerRecord<byte[], byte[]>> records(String topic) {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", bootstrapServers),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      TopicPartition partition = new TopicPartition(topic, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      while (consumer.position(partition) < end) {
        consumer.poll(Duration.ofMillis(100)).forEach(records::add);
      }
    }
    return records;
  }
}
