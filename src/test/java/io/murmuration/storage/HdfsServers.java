package io.murmuration.storage;

import static org.awaitility.Awaitility.await;

import io.murmuration.demo.EmbeddedKafka;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.flink.configuration.Configuration;

/**
 * A real HDFS: a name node and a data node, each in a JVM of its own, for all tests of this
 * process. {@code scripts/try-hdfs} fetches them, and their client, which must be on the class
 * path; tests that need it are skipped where {@link #CLASS_PATH} does not say where the servers
 * are.
 */
public final class HdfsServers {

  /** System property: the class path of the servers. */
  public static final String CLASS_PATH = "murmuration.hdfs.servers";

  private static final Duration PATIENCE = Duration.ofMinutes(10);
  private static final String PACKAGE = "org.apache.hadoop.hdfs.server.";

  /** One of the servers. */
  public enum Server {
    NAME_NODE("namenode.NameNode"),
    DATA_NODE("datanode.DataNode");

    private final String main;

    Server(String main) {
      this.main = PACKAGE + main;
    }
  }

  private static HdfsServers shared;

  private final Path directory;
  private final int port = EmbeddedKafka.freePort();
  private final Map<Server, Process> processes = new TreeMap<>();

  private HdfsServers(Path directory) {
    this.directory = directory;
  }

  /**
   * Both, started on an empty file system if they do not run yet; this process's file system for
   * {@code hdfs://} is theirs from now on.
   */
  public static synchronized HdfsServers running() throws Exception {
    if (shared == null) {
      shared = new HdfsServers(Files.createTempDirectory("hdfs"));
      shared.startBoth();
    }
    shared.use();
    shared.awaitWritable();
    return shared;
  }

  private void startBoth() throws Exception {
    configure();
    Process format = java("format", Server.NAME_NODE.main, "-format", "-nonInteractive", "-force");
    if (format.waitFor() != 0) {
      throw new IOException("the name node could not be formatted; see its log in " + directory);
    }
    start(Server.NAME_NODE);
    start(Server.DATA_NODE);
  }

  private void use() {
    FileSystems.load(Configuration.fromMap(flinkSettings()), /* plugins= */ null);
  }

  private void configure() throws IOException {
    Path conf = Files.createDirectories(directory.resolve("conf"));
    write(conf.resolve("core-site.xml"), Map.of("fs.defaultFS", root().text()));
    Map<String, String> hdfs = new TreeMap<>();
    hdfs.put("dfs.namenode.name.dir", directory.resolve("names").toUri().toString());
    hdfs.put("dfs.datanode.data.dir", directory.resolve("blocks").toUri().toString());
    for (String address : List.of("datanode.address", "datanode.ipc.address")) {
      hdfs.put("dfs." + address, "127.0.0.1:0");
    }
    hdfs.put("dfs.namenode.http-address", "127.0.0.1:0");
    hdfs.put("dfs.datanode.http.address", "127.0.0.1:0");
    hdfs.put("dfs.replication", "1");
    hdfs.put("dfs.heartbeat.interval", "1");
    hdfs.put("dfs.namenode.safemode.extension", "0");
    write(conf.resolve("hdfs-site.xml"), hdfs);
    Files.writeString(
        conf.resolve("log4j.properties"),
        """
        log4j.rootLogger=INFO, out
        log4j.appender.out=org.apache.log4j.ConsoleAppender
        log4j.appender.out.layout=org.apache.log4j.PatternLayout
        log4j.appender.out.layout.ConversionPattern=%d %p %c{1}: %m%n
        """);
  }

  private static void write(Path file, Map<String, String> settings) throws IOException {
    Files.writeString(
        file,
        settings.entrySet().stream()
            .map(
                each ->
                    "<property><name>%s</name><value>%s</value></property>"
                        .formatted(each.getKey(), each.getValue()))
            .collect(Collectors.joining("\n", "<configuration>\n", "\n</configuration>\n")));
  }

  /** The root of its file system. */
  public Location root() {
    return Location.of("hdfs://127.0.0.1:%d/".formatted(port));
  }

  /** What Flink must be told: that a client gives up soon, and that there is one data node. */
  public Map<String, String> flinkSettings() {
    return Map.of(
        "flink.hadoop.dfs.replication", "1",
        "flink.hadoop.ipc.client.connect.max.retries", "1",
        "flink.hadoop.dfs.client.retry.window.base", "10");
  }

  /** Starts one that does not run. */
  public void start(Server server) throws IOException {
    processes.put(server, java(server.name(), server.main));
  }

  /** Ends one with kill -9. */
  public void kill(Server server) throws InterruptedException {
    processes.remove(server).destroyForcibly().waitFor(1, TimeUnit.MINUTES);
  }

  /** Waits until files can be written and read. */
  public void awaitWritable() {
    StoredFiles files = StoredFiles.at(root());
    await()
        .atMost(PATIENCE)
        .failFast(
            "a server ended by itself; see its log in " + directory,
            () -> !processes.values().stream().allMatch(Process::isAlive))
        .ignoreExceptionsInstanceOf(IOException.class)
        .untilAsserted(() -> files.write("probe", new byte[] {1}));
  }

  private Process java(String name, String... arguments) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-Djava.io.tmpdir=" + directory,
                "-cp",
                directory.resolve("conf") + ":" + System.getProperty(CLASS_PATH)));
    command.addAll(Arrays.asList(arguments));
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(
                ProcessBuilder.Redirect.appendTo(directory.resolve(name + ".log").toFile()))
            .start();
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    return process;
  }
}
