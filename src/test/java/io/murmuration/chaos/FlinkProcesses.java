package io.murmuration.chaos;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A job manager and task managers as JVMs of their own. All libraries are on their class path, as
 * in Flink's {@code lib/}; the project's classes travel in a job jar, so that every submission has
 * a class loader of its own while the native libraries stay with the JVM.
 */
final class FlinkProcesses implements AutoCloseable {

  /** As Flink's own scripts open them. */
  private static final List<String> OPENED =
      Stream.of("java.lang", "java.util", "java.net", "java.io", "java.nio", "java.time")
          .map(name -> "--add-opens=java.base/" + name + "=ALL-UNNAMED")
          .toList();

  private static final List<String> TASK_MANAGER_OPTIONS =
      List.of(
          "-Xmx400m",
          "-XX:+UseSerialGC",
          "-XX:MaxDirectMemorySize=400m",
          "-Dai.djl.offline=true",
          "-DOPT_OUT_TRACKING=true",
          "-Dai.djl.pytorch.num_threads=1",
          "-Dai.djl.pytorch.num_interop_threads=1",
          "-Djava.awt.headless=true");

  private static final Pattern RESOURCE_ID =
      Pattern.compile("Starting TaskManager with ResourceID: (\\S+)");

  private final Path directory;
  private final FlinkRest rest;
  private final JvmProcess jobManager;
  private final List<JvmProcess> taskManagers = new ArrayList<>();

  /** Slots of each task manager. */
  static final int SLOTS = 2;

  FlinkProcesses(Path directory, int taskManagerCount, int rpcPort, int restPort)
      throws IOException {
    this.directory = directory;
    this.rest = new FlinkRest(restPort);
    Files.createDirectories(directory);
    Files.writeString(directory.resolve("config.yaml"), config(rpcPort, restPort));
    Path logging = directory.resolve("log4j2.properties");
    Files.writeString(logging, LOGGING);
    List<String> common = new ArrayList<>(OPENED);
    // they are started so often that compiling well does not pay
    common.add("-XX:TieredStopAtLevel=1");
    common.add("-Dlog4j2.configurationFile=" + logging);
    common.add("-Djava.io.tmpdir=" + Files.createDirectories(directory.resolve("tmp")));
    List<String> jobManagerOptions = new ArrayList<>(common);
    jobManagerOptions.addAll(List.of("-Xmx400m", "-XX:+UseSerialGC"));
    jobManager =
        new JvmProcess(
            "job-manager",
            directory,
            JvmProcess.classPath(/* classes= */ false),
            jobManagerOptions,
            List.of(
                "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
                "--configDir",
                directory.toString()));
    for (int i = 1; i <= taskManagerCount; i++) {
      List<String> options = new ArrayList<>(common);
      options.addAll(TASK_MANAGER_OPTIONS);
      taskManagers.add(
          new JvmProcess(
              "task-manager-" + i,
              directory,
              JvmProcess.classPath(/* classes= */ false),
              options,
              List.of(
                  "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
                  "--configDir",
                  directory.toString())));
    }
  }

  private static final String LOGGING =
      """
      rootLogger.level = INFO
      rootLogger.appenderRef.console.ref = Console
      appender.console.type = Console
      appender.console.name = Console
      appender.console.layout.type = PatternLayout
      appender.console.layout.pattern = %d %-5p %c{1} - %m%n
      logger.kafka.name = org.apache.kafka
      logger.kafka.level = ERROR
      """;

  private String config(int rpcPort, int restPort) {
    return """
        jobmanager.rpc.address: 127.0.0.1
        jobmanager.rpc.port: %d
        jobmanager.bind-host: 127.0.0.1
        jobmanager.memory.process.size: 700m
        rest.address: 127.0.0.1
        rest.bind-address: 127.0.0.1
        rest.port: %d
        taskmanager.host: 127.0.0.1
        taskmanager.bind-host: 127.0.0.1
        taskmanager.numberOfTaskSlots: %d
        taskmanager.load-balance.mode: SLOTS
        taskmanager.cpu.cores: 1
        taskmanager.memory.framework.heap.size: 128m
        taskmanager.memory.task.heap.size: 272m
        taskmanager.memory.framework.off-heap.size: 64m
        taskmanager.memory.task.off-heap.size: 128m
        taskmanager.memory.network.min: 64m
        taskmanager.memory.network.max: 64m
        taskmanager.memory.managed.size: 128m
        taskmanager.memory.jvm-metaspace.size: 256m
        taskmanager.memory.jvm-overhead.min: 192m
        taskmanager.memory.jvm-overhead.max: 192m
        state.backend.type: rocksdb
        execution.checkpointing.incremental: true
        execution.checkpointing.dir: %s
        execution.checkpointing.externalized-checkpoint-retention: RETAIN_ON_CANCELLATION
        execution.checkpointing.num-retained: 3
        execution.checkpointing.tolerable-failed-checkpoints: 1000
        restart-strategy.type: exponential-delay
        restart-strategy.exponential-delay.initial-backoff: 500ms
        restart-strategy.exponential-delay.max-backoff: 5s
        restart-strategy.exponential-delay.reset-backoff-threshold: 30s
        heartbeat.interval: 1000
        heartbeat.timeout: 8000
        cluster.registration.error-delay: 1 s
        # else a process that a busy machine does not start in ten seconds ends by itself
        pekko.startup-timeout: 5 min
        """
        .formatted(rpcPort, restPort, SLOTS, checkpoints().toUri());
  }

  Path checkpoints() {
    return directory.resolve("checkpoints");
  }

  FlinkRest rest() {
    return rest;
  }

  JvmProcess jobManager() {
    return jobManager;
  }

  List<JvmProcess> taskManagers() {
    return taskManagers;
  }

  /** One that runs a task of a job. */
  JvmProcess taskManagerOf(String job) throws IOException, InterruptedException {
    Set<String> ids = rest.taskManagersOf(job);
    for (JvmProcess taskManager : taskManagers) {
      if (lastResourceId(taskManager).filter(ids::contains).isPresent()) {
        return taskManager;
      }
    }
    throw new IllegalStateException(
        "job %s runs on %s, none of which is a task manager of this cluster".formatted(job, ids));
  }

  /** What a task manager calls itself, anew at each start. */
  private static Optional<String> lastResourceId(JvmProcess taskManager) throws IOException {
    return Files.readAllLines(taskManager.log()).stream()
        .map(RESOURCE_ID::matcher)
        .filter(Matcher::find)
        .map(matcher -> matcher.group(1))
        .reduce((earlier, later) -> later);
  }

  void start() throws IOException {
    jobManager.start();
    for (JvmProcess taskManager : taskManagers) {
      taskManager.start();
    }
    awaitTaskManagers();
  }

  /** Waits until every task manager is registered; all must have been started. */
  void awaitTaskManagers() {
    await("task managers register")
        .atMost(ChaosRun.PATIENCE)
        .failFast(
            "a process ended by itself; see its log",
            () -> !jobManager.isAlive() || !taskManagers.stream().allMatch(JvmProcess::isAlive))
        .until(() -> rest.taskManagers() >= taskManagers.size());
  }

  /**
   * The project's classes in one jar, to be submitted.
   *
   * @param main where this lies, all is packed
   * @param beside classes from elsewhere that are packed, too
   */
  static Path jobJar(Path jar, Class<?> main, Class<?>... beside) throws IOException {
    try (OutputStream file = Files.newOutputStream(jar);
        JarOutputStream out = new JarOutputStream(file)) {
      add(out, rootOf(main), name -> true);
      for (Class<?> type : beside) {
        String name = type.getName().replace('.', '/');
        add(
            out,
            rootOf(type),
            entry -> entry.equals(name + ".class") || entry.startsWith(name + "$"));
      }
    }
    return jar;
  }

  private static Path rootOf(Class<?> type) {
    try {
      return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException("the classes lie nowhere", e);
    }
  }

  private static void add(JarOutputStream out, Path root, Predicate<String> wanted)
      throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      for (Path path : files.filter(Files::isRegularFile).toList()) {
        String name = root.relativize(path).toString().replace('\\', '/');
        if (wanted.test(name)) {
          out.putNextEntry(new JarEntry(name));
          Files.copy(path, out);
          out.closeEntry();
        }
      }
    }
  }

  @Override
  public void close() throws InterruptedException {
    for (JvmProcess taskManager : taskManagers) {
      taskManager.close();
    }
    jobManager.close();
  }

  /** The last lines of every process's log, for a failure's message. */
  String logs(int lines) throws IOException {
    StringBuilder text = new StringBuilder();
    List<JvmProcess> all = new ArrayList<>(taskManagers);
    all.add(jobManager);
    for (JvmProcess process : all) {
      text.append(process.lastLines(lines));
    }
    return text.toString();
  }
}
