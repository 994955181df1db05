package io.murmuration;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.murmuration.config.ConfigFile;
import io.murmuration.config.MurmurationConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
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

  /** What Flink and its Kafka source report themselves. */
  private static final Set<String> METRICS_OF_FLINK =
      Set.of(
          "flink_jobmanager_job_numRestarts",
          "flink_jobmanager_job_lastCheckpointDuration",
          "flink_taskmanager_job_task_operator_KafkaSourceReader_KafkaConsumer_records_lag_max");

  private static final String METRICS_OF_THE_JOB = "flink_taskmanager_job_task_operator_";

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

  @Test
  void theOperatorsManifestSetsWhatTheGuaranteeNeeds() throws IOException {
    JsonNode flink = flinkDeployment().at("/spec/flinkConfiguration");

    assertThat(flink.get("execution.checkpointing.mode").asText()).isEqualTo("EXACTLY_ONCE");
    assertThat(flink.get("execution.checkpointing.unaligned.enabled").asText()).isEqualTo("false");
    assertThat(flink.get("classloader.parent-first-patterns.additional").asText())
        .isEqualTo("ai.djl.");
    assertThat(flinkDeployment().at("/spec/job/entryClass").asText())
        .isEqualTo("io.murmuration.job.MurmurationJob");
  }

  @Test
  void dashboardsAndAlertsNameMetricsThatExist() throws IOException {
    String source = mainSources();
    List<String> expressions = new ArrayList<>();
    JsonNode dashboard =
        new ObjectMapper().readTree(DOCKER.resolve("grafana/dashboards/murmuration.json").toFile());
    dashboard.findValuesAsText("expr").forEach(expressions::add);
    YAML.readTree(DOCKER.resolve("prometheus/alerts.yml").toFile())
        .findValuesAsText("expr")
        .forEach(expressions::add);
    Set<String> metrics = new TreeSet<>();
    for (String expression : expressions) {
      Pattern.compile("flink_\\w+")
          .matcher(expression)
          .results()
          .map(MatchResult::group)
          .forEach(metrics::add);
    }

    assertThat(metrics).hasSizeGreaterThan(10);
    metrics.removeAll(METRICS_OF_FLINK);
    assertThat(metrics)
        .allSatisfy(
            metric -> {
              assertThat(metric).startsWith(METRICS_OF_THE_JOB);
              // groups come before the name: private_reason_deadLetters
              for (String part : metric.substring(METRICS_OF_THE_JOB.length()).split("_")) {
                assertThat(source).contains('"' + part + '"');
              }
            });
  }

  private static String mainSources() throws IOException {
    StringBuilder all = new StringBuilder();
    try (Stream<Path> files = Files.walk(Path.of("src/main/java"))) {
      for (Path file : files.filter(path -> path.toString().endsWith(".java")).toList()) {
        all.append(Files.readString(file));
      }
    }
    return all.toString();
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
