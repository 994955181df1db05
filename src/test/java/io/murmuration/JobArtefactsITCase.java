package io.murmuration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;

/**
 * What {@code mvn package} makes for a cluster: the job jar, and the jars that belong into Flink's
 * {@code lib/}. PyTorch's natives load once per JVM, so DJL in the job jar would kill the job at
 * its first failover on the same task manager.
 */
class JobArtefactsITCase {

  private static final Path TARGET = Path.of("target");

  /** What the cluster brings, and the job jar must not. */
  private static final List<String> NOT_IN_THE_JOB_JAR =
      List.of(
          "ai/djl/",
          "com/sun/jna/",
          "pytorch/",
          "native/lib/",
          "org/slf4j/",
          "org/apache/logging/",
          "org/apache/flink/runtime/",
          "org/apache/flink/streaming/api/environment/",
          "kafka/server/",
          "org/junit/");

  @Test
  void theJobJarHoldsNeitherDjlNorFlinkNorLogging() throws IOException {
    Set<String> entries = entries(jobJar());

    assertThat(entries)
        .filteredOn(entry -> NOT_IN_THE_JOB_JAR.stream().anyMatch(entry::startsWith))
        .isEmpty();
    assertThat(entries).noneMatch(entry -> entry.matches("META-INF/[^/]*\\.(SF|DSA|RSA)"));
  }

  @Test
  void theJobJarHoldsTheJobItsConnectorsAndTheirServices() throws IOException {
    assertThat(entries(jobJar()))
        .contains(
            "io/murmuration/job/MurmurationJob.class",
            "org/apache/flink/connector/kafka/source/KafkaSource.class",
            "org/apache/kafka/clients/producer/KafkaProducer.class",
            "org/apache/avro/Schema.class");
    try (JarFile jar = new JarFile(jobJar().toFile())) {
      assertThat(jar.getManifest().getMainAttributes().getValue("Main-Class"))
          .isEqualTo("io.murmuration.job.MurmurationJob");
    }
  }

  @Test
  void theNativesLieInTheFolderForFlinksLib() throws IOException {
    Set<String> all = new TreeSet<>();
    for (Path jar : flinkLib()) {
      all.addAll(entries(jar));
    }

    assertThat(all)
        .contains("ai/djl/Model.class", "ai/djl/huggingface/tokenizers/HuggingFaceTokenizer.class")
        .anyMatch(entry -> entry.contains("libtorch_cpu"))
        .anyMatch(entry -> entry.contains("djl_torch"));
  }

  /**
   * By {@code jdeps}: what the project and DJL refer to is in the job jar, in the folder for {@code
   * lib/}, or in Flink. The embedded broker alone is for the command line only.
   */
  @Test
  void togetherTheyHoldEveryClassThatTheProjectRefersTo() throws IOException {
    List<String> arguments =
        new ArrayList<>(List.of("--multi-release", "17", "--missing-deps", "-cp"));
    arguments.add(
        Stream.concat(flinkItself(), flinkLib().stream().map(Path::toString))
            .collect(Collectors.joining(File.pathSeparator)));
    arguments.add(jobJar().toString());
    flinkLib().stream()
        .map(Path::toString)
        .filter(jar -> jar.matches(".*/(api|pytorch-engine|tokenizers)-.*"))
        .forEach(arguments::add);

    List<String> missing = missingClasses(arguments);

    assertThat(missing)
        .isNotEmpty()
        .allMatch(line -> line.startsWith("io.murmuration.demo.EmbeddedKafka"));
  }

  private static List<String> missingClasses(List<String> arguments) {
    StringWriter output = new StringWriter();
    PrintWriter writer = new PrintWriter(output);
    int status =
        ToolProvider.findFirst("jdeps")
            .orElseThrow()
            .run(writer, writer, arguments.toArray(String[]::new));
    assertThat(status).as(output.toString()).isZero();
    return output
        .toString()
        .lines()
        .map(String::strip)
        .filter(line -> line.matches("(io\\.murmuration|ai\\.djl)\\..* -> .*not found"))
        .toList();
  }

  /** Flink's own jars, as its distribution has them, from this test's class path. */
  private static Stream<String> flinkItself() {
    return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(jar -> jar.matches(".*/(flink-(?!connector-kafka)|log4j-|slf4j-api|commons-).*jar"))
        .filter(jar -> !jar.endsWith("-tests.jar"));
  }

  private static Path jobJar() throws IOException {
    try (Stream<Path> files = Files.list(TARGET)) {
      List<Path> jars =
          files.filter(path -> path.getFileName().toString().endsWith("-job.jar")).toList();
      assertThat(jars).as("job jars in target/: run mvn package").hasSize(1);
      return jars.get(0);
    }
  }

  private static List<Path> flinkLib() throws IOException {
    try (Stream<Path> files = Files.list(TARGET.resolve("flink-lib"))) {
      return files.sorted().toList();
    }
  }

  private static Set<String> entries(Path jar) throws IOException {
    try (JarFile file = new JarFile(jar.toFile())) {
      return file.stream().map(ZipEntry::getName).collect(Collectors.toCollection(TreeSet::new));
    }
  }
}
