package io.murmuration;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.murmuration.config.ConfigFile;
import io.murmuration.config.MurmurationConfig;
import io.murmuration.job.MurmurationJob;
import io.murmuration.privacy.budget.DurabilityGate;
import io.murmuration.privacy.budget.DurabilityTerms;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.runtime.checkpoint.DefaultCheckpointStatsTracker;
import org.apache.flink.runtime.metrics.MetricNames;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What can be checked of the images, compose file, dashboards and manifests without an engine to
 * run them: that they parse, that what they copy and mount exists, that versions are the build's,
 * that the configurations are valid and that every metric they name is one that the job or Flink
 * reports.
 */
class DeploymentFilesTest {

  private static final Path DOCKER = Path.of("docker");
  private static final YAMLMapper YAML = new YAMLMapper();

  /** What Kafka's consumer reports through Flink's source: Kafka names it, in a list of dozens. */
  private static final String LAG_OF_KAFKA = "KafkaSourceReader_KafkaConsumer_records_lag_max";

  /** Groups of alerts. */
  private static final String PUBLIC = "murmuration";

  private static final String INSIDE = "murmuration-inside";

  private static final String OF_A_JOB_MANAGER = "flink_jobmanager_job_";
  private static final String OF_AN_OPERATOR = "flink_taskmanager_job_task_operator_";

  /** Settings of the documented configuration that Kubernetes has in places of its own. */
  private static final Map<String, String> ELSEWHERE =
      Map.of(
          "jobmanager.rpc.address", "the operator's affair",
          "jobmanager.memory.process.size", "/spec/jobManager/resource/memory",
          "taskmanager.memory.process.size", "/spec/taskManager/resource/memory");

  /** Settings whose values are those of the place: volumes, and one process per address. */
  private static final Set<String> OF_THE_PLACE =
      Set.of(
          "execution.checkpointing.dir",
          "execution.checkpointing.savepoint-dir",
          "metrics.reporter.prom.port");

  @Test
  void theDockerfileCopiesWhatExists() throws IOException {
    List<String> copied = new ArrayList<>();
    for (String line : Files.readAllLines(DOCKER.resolve("Dockerfile"))) {
      if (line.startsWith("COPY ") && !line.contains("--from=")) {
        String[] words = line.replaceAll("--\\S+ ", "").split(" ");
        copied.addAll(List.of(words).subList(1, words.length - 1));
      }
    }

    assertThat(copied)
        .contains("pom.xml", "src")
        .allSatisfy(path -> assertThat(Path.of(path)).exists());
    assertThat(Files.readAllLines(DOCKER.resolve("Dockerfile.dockerignore")))
        .allSatisfy(
            ignored -> assertThat(copied).noneMatch(path -> (path + "/").startsWith(ignored)));
  }

  @Test
  void theDockerfileDoesNotRunAsRoot() throws IOException {
    List<String> lines = Files.readAllLines(DOCKER.resolve("Dockerfile"));

    assertThat(lines.get(lines.size() - 1)).isEqualTo("USER flink");
  }

  @Test
  void imagesHaveTheVersionsOfTheBuild() throws IOException {
    Map<String, String> pom = pomProperties();
    JsonNode compose = YAML.readTree(DOCKER.resolve("compose.yaml").toFile());

    assertThat(Files.readString(DOCKER.resolve("Dockerfile")))
        .contains("FROM flink:" + pom.get("flink.version") + "-java17");
    assertThat(compose.at("/services/kafka/image").asText())
        .isEqualTo("apache/kafka:" + pom.get("kafka.version"));
    assertThat(compose.at("/services/topics/image")).isEqualTo(compose.at("/services/kafka/image"));
    String ours = "murmuration:" + pom.get("version");
    assertThat(compose.at("/services/jobmanager/image").asText()).isEqualTo(ours);
    assertThat(compose.at("/services/taskmanager/image").asText()).isEqualTo(ours);
    assertThat(flinkDeployment().at("/spec/image").asText()).isEqualTo(ours);
    String[] flink = pom.get("flink.version").split("\\.");
    assertThat(flinkDeployment().at("/spec/flinkVersion").asText())
        .isEqualTo("v%s_%s".formatted(flink[0], flink[1]));
  }

  @Test
  void theStandaloneClusterHasTheVersionsOfTheBuild() throws IOException {
    Map<String, String> pom = properties(Path.of("pom.xml"));
    Map<String, String> dist = properties(Path.of("scripts/lib/flink-dist-pom.xml"));

    for (String version : List.of("flink.version", "log4j.version", "slf4j.version", "version")) {
      assertThat(dist).containsEntry(version, pom.get(version));
    }
    assertThat(properties(Path.of("scripts/lib/flink-sql-pom.xml")))
        .containsEntry("flink.version", pom.get("flink.version"))
        .containsEntry("version", pom.get("version"));
    Map<String, String> hadoop = properties(Path.of("scripts/lib/hadoop-client-pom.xml"));
    assertThat(properties(Path.of("scripts/lib/hadoop-servers-pom.xml")))
        .containsEntry("hadoop.version", hadoop.get("hadoop.version"));
  }

  @Test
  void theComposeFileMountsWhatExists_andHasNoUnknownVolume() throws IOException {
    JsonNode compose = YAML.readTree(DOCKER.resolve("compose.yaml").toFile());
    Set<String> declared = new TreeSet<>();
    compose.get("volumes").fieldNames().forEachRemaining(declared::add);
    Set<String> used = new TreeSet<>();

    for (JsonNode service : compose.get("services")) {
      for (JsonNode volume : volumes(compose, service)) {
        String source = volume.asText().split(":/")[0];
        if (source.startsWith("./")) {
          assertThat(DOCKER.resolve(source)).exists();
        } else if (!source.startsWith("${")) {
          used.add(source);
        }
      }
    }

    assertThat(used).isEqualTo(declared);
  }

  private static JsonNode volumes(JsonNode compose, JsonNode service) {
    // aliases are not resolved by this parser; the only one is the job manager's list
    JsonNode volumes = service.path("volumes");
    return volumes.isTextual() ? compose.at("/services/jobmanager/volumes") : volumes;
  }

  @Test
  void everyServiceThatStaysHasAHealthCheck() throws IOException {
    JsonNode services = YAML.readTree(DOCKER.resolve("compose.yaml").toFile()).get("services");

    services
        .properties()
        .forEach(
            service -> {
              if (!service.getKey().equals("topics")) {
                assertThat(service.getValue().has("healthcheck")).as(service.getKey()).isTrue();
              }
            });
  }

  @Test
  void configurationsAreValid(@TempDir Path directory) throws IOException {
    Path fromConfigMap = directory.resolve("murmuration.yaml");
    Files.writeString(
        fromConfigMap, kubernetes().get(0).get("data").get("murmuration.yaml").asText());

    for (Path file : List.of(DOCKER.resolve("murmuration.yaml"), fromConfigMap)) {
      MurmurationConfig config = MurmurationConfig.of(ConfigFile.read(file));
      assertThat(config.io().releasesDirectory()).isEqualTo("/var/murmuration/releases");
      assertThat(config.training().model()).isEqualTo("/var/murmuration/model");
    }
  }

  /** The operator replaces config.yaml, so that what the manifest leaves out is Flink's default. */
  @Test
  void theOperatorsManifestIsTheDocumentedConfiguration() throws IOException {
    Map<String, String> documented = new TreeMap<>(documentedFlinkConfiguration());
    Map<String, String> manifest = new TreeMap<>(manifestsFlinkConfiguration());
    for (Map.Entry<String, String> elsewhere : ELSEWHERE.entrySet()) {
      String value = documented.remove(elsewhere.getKey());
      if (elsewhere.getValue().startsWith("/")) {
        assertThat(flinkDeployment().at(elsewhere.getValue()).asText()).isEqualTo(value);
      }
    }
    assertThat(manifest.keySet()).containsAll(OF_THE_PLACE);
    documented.keySet().removeAll(OF_THE_PLACE);
    manifest.keySet().removeAll(OF_THE_PLACE);
    assertThat(manifest.remove("high-availability.type")).isEqualTo("kubernetes");
    assertThat(manifest.remove("high-availability.storageDir")).startsWith("file:///var/");

    assertThat(documented).hasSizeGreaterThan(30);
    assertThat(manifest).isEqualTo(documented);
    assertThat(flinkDeployment().at("/spec/job/entryClass").asText())
        .isEqualTo(MurmurationJob.class.getName());
  }

  @Test
  void whatTheManifestStoresLiesOnAVolume() throws IOException {
    List<String> mounts = new ArrayList<>();
    for (JsonNode mount :
        flinkDeployment().at("/spec/podTemplate/spec/containers/0/volumeMounts")) {
      mounts.add("file://" + mount.get("mountPath").asText());
    }
    Map<String, String> manifest = manifestsFlinkConfiguration();

    for (String key :
        List.of(
            "execution.checkpointing.dir",
            "execution.checkpointing.savepoint-dir",
            "high-availability.storageDir")) {
      assertThat(mounts).as(key).anyMatch(mount -> manifest.get(key).startsWith(mount));
    }
  }

  /** The image has config.yaml; compose says only where things are. */
  @Test
  void theComposeFileChangesOnlyAddressesAndDirectories() throws IOException {
    JsonNode compose = YAML.readTree(DOCKER.resolve("compose.yaml").toFile());
    JsonNode properties =
        YAML.readTree(
            compose.at("/services/jobmanager/environment/FLINK_PROPERTIES").asText().strip());

    assertThat(properties.fieldNames())
        .toIterable()
        .containsExactlyInAnyOrder(
            "jobmanager.rpc.address",
            "rest.address",
            "rest.bind-address",
            "execution.checkpointing.dir",
            "execution.checkpointing.savepoint-dir");
  }

  private static Map<String, String> documentedFlinkConfiguration() {
    return GlobalConfiguration.loadConfiguration(Path.of("flink-conf").toAbsolutePath().toString())
        .toMap();
  }

  private static Map<String, String> manifestsFlinkConfiguration() throws IOException {
    Map<String, String> settings = new TreeMap<>();
    flinkDeployment()
        .at("/spec/flinkConfiguration")
        .properties()
        .forEach(
            setting -> {
              assertThat(setting.getValue().isTextual())
                  .as("the operator's schema wants strings: " + setting.getKey())
                  .isTrue();
              settings.put(setting.getKey(), setting.getValue().asText());
            });
    return settings;
  }

  @Test
  void dashboardsAndAlertsNameMetricsThatAreReported() throws Exception {
    Set<String> reported = reportedMetrics();
    List<String> expressions = new ArrayList<>(alerts(PUBLIC).values());
    expressions.addAll(alerts(INSIDE).values());
    new ObjectMapper()
        .readTree(DOCKER.resolve("grafana/dashboards/murmuration.json").toFile())
        .findValuesAsText("expr")
        .forEach(expressions::add);

    assertThat(namedIn(expressions)).hasSizeGreaterThan(20).isSubsetOf(reported);
  }

  @Test
  void alertsNeedOnlyWhatTheShippedReporterShows_butForAGroupOfTheirOwn() throws IOException {
    Set<String> shown = new TreeSet<>();
    for (String scope :
        documentedFlinkConfiguration().get("metrics.reporter.prom.filter.includes").split(";")) {
      String[] scopeAndNames = scope.split(":");
      for (String name : scopeAndNames[1].split(",")) {
        shown.add("flink_%s_%s".formatted(scopeAndNames[0].replace('.', '_'), name));
      }
    }

    assertThat(namedIn(alerts(PUBLIC).values())).hasSizeGreaterThan(5).isSubsetOf(shown);
    assertThat(alerts(INSIDE).values())
        .allSatisfy(rule -> assertThat(shown).doesNotContainAnyElementsOf(namedIn(List.of(rule))));
  }

  private static Set<String> namedIn(Collection<String> expressions) {
    Set<String> named = new TreeSet<>();
    for (String expression : expressions) {
      Pattern.compile("flink_\\w+")
          .matcher(expression)
          .results()
          .map(MatchResult::group)
          .forEach(named::add);
    }
    return named;
  }

  /** By docs/metrics.md, which is held to the code, and by the constants of Flink itself. */
  private static Set<String> reportedMetrics() throws Exception {
    Set<String> reported = new TreeSet<>();
    for (MetricsTable.Row row : MetricsTable.read()) {
      // the value of a group is a label
      String name = row.name().replace("reason.REASON", "reason").replace('.', '_');
      reported.add(OF_AN_OPERATOR + name);
    }
    reported.add(OF_AN_OPERATOR + LAG_OF_KAFKA);
    reported.add(OF_AN_OPERATOR + MetricNames.PENDING_RECORDS);
    reported.add(OF_A_JOB_MANAGER + MetricNames.NUM_RESTARTS);
    for (Field field : DefaultCheckpointStatsTracker.class.getDeclaredFields()) {
      if (Modifier.isStatic(field.getModifiers()) && field.getType() == String.class) {
        field.setAccessible(true);
        reported.add(OF_A_JOB_MANAGER + field.get(null));
      }
    }
    return reported;
  }

  @Test
  void everyTroubleThatNeedsAPersonHasAnAlert() throws IOException {
    Map<String, String> alerts = alerts(PUBLIC);
    Map<String, String> inside = alerts(INSIDE);

    // a job that failed has no series, and an attempt that has published nothing has no age
    assertThat(alerts.get("MurmurationJobMissing")).contains("absent(", "halted");
    assertThat(alerts.values()).noneMatch(rule -> rule.contains("millisSinceRelease"));
    assertThat(alerts.get("MurmurationNoRelease")).contains("releasedRound", "offset");
    assertThat(alerts.get("MurmurationWaitsForAPerson"))
        .endsWith("wastedEpochs) >= " + DurabilityTerms.of(1).mostWastedEpochs());
    assertThat(alerts)
        .containsKeys(
            "MurmurationHalted",
            "MurmurationLedgerUnavailable",
            "MurmurationCheckpointsFail",
            "MurmurationReleasesLost",
            "MurmurationRestarts");
    assertThat(inside.get("MurmurationChargingWaits"))
        .contains("chargingWaits) >= " + DurabilityGate.Verdict.FIRST_CHECKPOINT.ordinal())
        .contains("chargingWaits) <= " + DurabilityGate.Verdict.PAUSE.ordinal());
    assertThat(inside).containsKeys("MurmurationNoCheckpoint", "MurmurationLag");
  }

  /** Expressions of a group by the names of their alerts. */
  private static Map<String, String> alerts(String group) throws IOException {
    Map<String, String> alerts = new TreeMap<>();
    for (JsonNode found :
        YAML.readTree(DOCKER.resolve("prometheus/alerts.yml").toFile()).get("groups")) {
      if (found.get("name").asText().equals(group)) {
        for (JsonNode rule : found.get("rules")) {
          assertThat(rule.at("/annotations/summary").asText()).endsWith(".");
          alerts.put(rule.get("alert").asText(), rule.get("expr").asText());
        }
      }
    }
    return alerts;
  }

  private static JsonNode flinkDeployment() throws IOException {
    return kubernetes().stream()
        .filter(document -> document.get("kind").asText().equals("FlinkDeployment"))
        .findFirst()
        .orElseThrow();
  }

  private static List<JsonNode> kubernetes() throws IOException {
    try (var documents =
        new YAMLFactory().createParser(DOCKER.resolve("kubernetes/murmuration.yaml").toFile())) {
      return new ObjectMapper().readValues(documents, JsonNode.class).readAll();
    }
  }

  private static Map<String, String> pomProperties() throws IOException {
    return properties(Path.of("pom.xml"));
  }

  private static Map<String, String> properties(Path pom) throws IOException {
    Map<String, String> properties = new TreeMap<>();
    Pattern.compile("<([\\w.-]+)>([^<]+)</")
        .matcher(Files.readString(pom))
        .results()
        .forEach(match -> properties.putIfAbsent(match.group(1), match.group(2)));
    return properties;
  }
}
