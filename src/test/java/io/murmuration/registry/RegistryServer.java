package io.murmuration.registry;

import static org.awaitility.Awaitility.await;

import io.murmuration.demo.EmbeddedKafka;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * A real registry, Apicurio's, in a JVM of its own. {@code scripts/try-registry} fetches it; tests
 * that need it are skipped where {@link #JAR} does not say where it is.
 */
public final class RegistryServer implements AutoCloseable {

  /** System property: the server's jar. */
  public static final String JAR = "murmuration.registry.server";

  private final Process process;
  private final URI url;

  private RegistryServer(Process process, URI url) {
    this.process = process;
    this.url = url;
  }

  /**
   * Starts one without any schemas, and waits until it answers.
   *
   * @param directory for its log
   */
  public static RegistryServer start(Path directory) throws Exception {
    int port = EmbeddedKafka.freePort();
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx384m",
                "-Dquarkus.http.host=127.0.0.1",
                "-Dquarkus.http.port=" + port,
                "-jar",
                System.getProperty(JAR))
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("registry.log").toFile())
            .start();
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    RegistryServer server =
        new RegistryServer(
            process, URI.create("http://127.0.0.1:%d/apis/ccompat/v7".formatted(port)));
    RegistryClient client = server.client();
    await()
        .atMost(Duration.ofMinutes(10))
        .failFast("the registry ended by itself; see its log", () -> !process.isAlive())
        .ignoreExceptionsInstanceOf(RegistryUnavailableException.class)
        .untilAsserted(client::check);
    return server;
  }

  /** Of its interface that is Confluent's. */
  public URI url() {
    return url;
  }

  /** A client of it. */
  public RegistryClient client() throws IOException {
    return new RegistryClient(RegistryEndpoint.at(url));
  }

  /** From now on it takes connections and answers nothing, until it may proceed. */
  public void pause() throws IOException, InterruptedException {
    signal("STOP");
  }

  /** It answers again. */
  public void proceed() throws IOException, InterruptedException {
    signal("CONT");
  }

  private void signal(String name) throws IOException, InterruptedException {
    Process kill =
        new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).inheritIO().start();
    if (kill.waitFor() != 0) {
      throw new IOException("the registry could not be sent " + name);
    }
  }

  @Override
  public void close() throws InterruptedException {
    process.destroyForcibly().waitFor(1, TimeUnit.MINUTES);
  }
}
