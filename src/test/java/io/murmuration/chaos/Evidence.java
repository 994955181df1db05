package io.murmuration.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.murmuration.contribution.ContributionBounds;
import io.murmuration.contribution.PooledTexts;
import io.murmuration.privacy.ledger.KafkaEndpoint;
import io.murmuration.privacy.ledger.KafkaLedger;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.ReleaseAudit;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * What a run leaves behind.
 *
 * @param sent texts that the topic of events holds, by user, since the user's last erasure
 * @param counted texts in the last savepoint's pools, by user
 * @param ledger all of it
 * @param executed executed rounds as epoch/round, as the trainers' logs say
 * @param acknowledged acknowledgements as epoch/round; one may be repeated
 * @param releases as the catalog found them
 * @param announced digests that were announced, by round
 * @param givenUp releases that a committer gave up, as its log says
 * @param changedReleases what a consumer saw change, vanish or turn unreadable
 * @param abandonedJobs ids of jobs whose last state nobody went on from
 * @param lives of users where they have lifetimes; null where not. Users are then named as the job
 *     names them
 */
record Evidence(
    Map<String, Set<String>> sent,
    Map<String, List<String>> counted,
    List<LedgerEntry> ledger,
    List<String> executed,
    Set<String> acknowledged,
    List<ReleaseAudit.Checked> releases,
    Map<Long, Set<String>> announced,
    List<String> givenUp,
    List<String> changedReleases,
    Set<String> abandonedJobs,
    Lives lives) {

  /**
   * What a run with lifetimes leaves behind.
   *
   * @param sampled users of each round, as epoch/round, visible or not
   * @param retired users whom the last savepoint lets take part no more
   * @param erased users who asked for erasure, once or more often
   */
  record Lives(Map<String, Set<String>> sampled, long retired, Set<String> erased) {}

  private static final JsonMapper JSON = new JsonMapper();

  /** Further ticks than a clock can be wrong by. */
  private static final long LATER_TICKS = 1_000;

  /**
   * Reads what is left, after the job has ended.
   *
   * @param bounds those of the job
   */
  static Evidence gather(
      String bootstrapServers,
      Path releases,
      Map<String, Set<String>> sent,
      String savepoint,
      ContributionBounds bounds,
      List<String> executed,
      List<String> givenUp,
      List<String> changedReleases,
      Set<String> abandonedJobs,
      Lives lives)
      throws Exception {
    List<LedgerEntry> ledger = ledger(bootstrapServers);
    return new Evidence(
        sent,
        PooledTexts.in(savepoint, bounds, tickAfter(ledger)),
        ledger,
        executed,
        acknowledged(bootstrapServers),
        new ReleaseAudit(DirectoryModelStore.reading(releases)).verify(),
        announced(bootstrapServers),
        givenUp,
        changedReleases,
        abandonedJobs,
        lives);
  }

  private static List<LedgerEntry> ledger(String bootstrapServers) throws Exception {
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

  private static long tickAfter(List<LedgerEntry> ledger) throws Exception {
    Genesis genesis = LedgerState.of(ledger, "the ledger").genesis().orElseThrow();
    long elapsed = System.currentTimeMillis() - genesis.genesisMillis();
    return elapsed / genesis.roundIntervalMillis() + LATER_TICKS;
  }

  private static Set<String> acknowledged(String bootstrapServers) throws Exception {
    Set<String> acknowledged = new HashSet<>();
    for (byte[] value : values(bootstrapServers, "murmuration-feedback-" + ChaosRun.DOMAIN)) {
      JsonNode round = JSON.readTree(value);
      if (round.has("model")) {
        continue;
      }
      acknowledged.add(round.get("epoch").longValue() + "/" + round.get("round").longValue());
    }
    return acknowledged;
  }

  private static Map<Long, Set<String>> announced(String bootstrapServers) throws Exception {
    Map<Long, Set<String>> digests = new TreeMap<>();
    for (byte[] value : values(bootstrapServers, "releases")) {
      JsonNode announcement = JSON.readTree(value);
      digests
          .computeIfAbsent(
              announcement.get("manifest").get("round").longValue(), round -> new HashSet<>())
          .add(announcement.get("release_sha256").textValue());
    }
    return digests;
  }

  /** Everything that a topic of one partition holds now. */
  private static List<byte[]> values(String bootstrapServers, String topic) {
    List<byte[]> values = new ArrayList<>();
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
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
          values.add(record.value());
        }
      }
    }
    return values;
  }
}
