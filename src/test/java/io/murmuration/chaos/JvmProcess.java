package io.murmuration.chaos;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Another JVM on this machine that can be killed without warning and started again. */
public final class JvmProcess implements AutoCloseable {

  private static final long SECONDS_TO_DIE = 30;

  private final String name;
  private final Path directory;
  private final List<String> command;
  private Process process;

  /**
   * @param name of the process and its log
   * @param directory for the log and as working directory
   * @param options of the JVM
   * @param program main class and its arguments
   */
  JvmProcess(
      String name,
      Path directory,
      List<String> classPath,
      List<String> options,
      List<String> program) {
    this.name = name;
    this.directory = directory;
    command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.add("-cp");
    command.add(String.join(File.pathSeparator, classPath));
    command.addAll(program);
  }

  /**
   * The class path of this JVM.
   *
   * @param classes whether the project's own classes are part of it
   */
  public static List<String> classPath(boolean classes) {
    // surefire hides the real one behind a jar of its own
    String path =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    return Stream.of(path.split(File.pathSeparator))
        .filter(entry -> classes || !Files.isDirectory(Path.of(entry)))
        .filter(entry -> !entry.endsWith("-tests.jar"))
        .map(entry -> Path.of(entry).toAbsolutePath().toString())
        .toList();
  }

  void start() throws IOException {
    if (isAlive()) {
      throw new IllegalStateException(name + " runs already");
    }
    Process started =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()))
            .start();
    process = started;
    // whoever interrupts the run leaves nothing behind
    Runtime.getRuntime().addShutdownHook(new Thread(started::destroyForcibly));
  }

  Path log() {
    return directory.resolve(name + ".log");
  }

  /** The end of its log under a heading, for a failure's message; empty if it never ran. */
  String lastLines(int lines) throws IOException {
    if (!Files.exists(log())) {
      return "";
    }
    List<String> all = Files.readAllLines(log(), StandardCharsets.UTF_8);
    StringBuilder text = new StringBuilder("--- ").append(name).append('\n');
    all.subList(Math.max(0, all.size() - lines), all.size())
        .forEach(line -> text.append(line).append('\n'));
    return text.toString();
  }

  boolean isAlive() {
    return process != null && process.isAlive();
  }

  /** SIGKILL: nothing is flushed, closed or said goodbye to. */
  void kill() throws InterruptedException {
    process.destroyForcibly();
    if (!process.waitFor(SECONDS_TO_DIE, TimeUnit.SECONDS)) {
      throw new IllegalStateException(name + " survived kill -9");
    }
  }

  @Override
  public void close() throws InterruptedException {
    if (isAlive()) {
      kill();
    }
  }
}
