package io.murmuration.storage;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.core.plugin.DefaultPluginManager;
import org.apache.flink.core.plugin.DirectoryBasedPluginFinder;
import org.gaul.s3proxy.AuthenticationType;
import org.gaul.s3proxy.S3Proxy;
import org.gaul.s3proxy.nio2blob.FilesystemNio2BlobApiMetadata;
import org.jclouds.ContextBuilder;
import org.jclouds.blobstore.BlobStoreContext;

/**
 * An S3 server on a directory, and before it a server that hands requests on unless a test has
 * another answer.
 */
public final class S3Server implements AutoCloseable {

  /** Another answer than the server's. */
  @FunctionalInterface
  public interface Trouble {
    /**
     * What to say instead.
     *
     * @param method of HTTP
     * @param resource path and query
     * @return status of HTTP; 0 to hand the request on
     */
    int answer(String method, String resource) throws InterruptedException;
  }

  private static final Set<String> NOT_HANDED_ON =
      Set.of("host", "connection", "content-length", "expect", "transfer-encoding", "date");

  static {
    // otherwise each answer waits for an acknowledgement of its headers, which is delayed
    System.setProperty("sun.net.httpserver.nodelay", "true");
  }

  private final BlobStoreContext blobs;
  private final S3Proxy proxy;
  private final HttpServer front;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private volatile Trouble trouble = (method, resource) -> 0;

  private S3Server(Path directory) throws Exception {
    Properties overrides = new Properties();
    overrides.setProperty("jclouds.filesystem.basedir", directory.toString());
    blobs =
        ContextBuilder.newBuilder(new FilesystemNio2BlobApiMetadata())
            .credentials("identity", "credential")
            .overrides(overrides)
            .build(BlobStoreContext.class);
    proxy =
        S3Proxy.builder()
            .blobStore(blobs.getBlobStore())
            .endpoint(URI.create("http://127.0.0.1:0"))
            .awsAuthentication(AuthenticationType.NONE, null, null)
            .ignoreUnknownHeaders(true)
            .build();
    proxy.start();
    front = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    front.setExecutor(threads);
    front.createContext("/", this::handle);
    front.start();
  }

  /** Starts one that keeps its buckets below a directory. */
  public static S3Server start(Path directory) throws Exception {
    return new S3Server(Files.createDirectories(directory));
  }

  /** Makes a bucket. */
  public void createBucket(String name) {
    blobs.getBlobStore().createContainerInLocation(null, name);
  }

  /** Deletes a bucket with all that is in it. */
  public void deleteBucket(String name) {
    blobs.getBlobStore().deleteContainer(name);
  }

  /** Answers requests so from now on. */
  public void trouble(Trouble next) {
    trouble = next;
  }

  /** Hands every request on from now on. */
  public void recover() {
    trouble = (method, resource) -> 0;
  }

  /** What Flink must be told to find it, by keys of its configuration. */
  public Map<String, String> flinkSettings() {
    return Map.of(
        "s3.endpoint", "http://127.0.0.1:" + front.getAddress().getPort(),
        "s3.path-style-access", "true",
        "s3.chunked-encoding.enabled", "false",
        "s3.checksum-validation.enabled", "false",
        "s3.region", "us-east-1",
        "s3.access-key", "key",
        "s3.secret-key", "secret");
  }

  /** Loads Flink's file system of S3 as a plugin into this process. */
  public void usePlugin(Path directory, Map<String, String> settings) throws IOException {
    Configuration configuration = Configuration.fromMap(flinkSettings());
    configuration.addAll(Configuration.fromMap(settings));
    FileSystems.load(
        configuration,
        new DefaultPluginManager(
            new DirectoryBasedPluginFinder(plugins(directory)).findPlugins(),
            CoreOptions.getPluginParentFirstLoaderPatterns(configuration)));
  }

  /** A directory of plugins with Flink's file system of S3. */
  public static Path plugins(Path directory) throws IOException {
    Path jar =
        Arrays.stream(System.getProperty("java.class.path").split(":"))
            .map(Path::of)
            .filter(path -> path.getFileName().toString().startsWith("flink-s3-fs-native"))
            .findFirst()
            .orElseThrow(() -> new AssertionError("no flink-s3-fs-native on the class path"));
    Path plugin = Files.createDirectories(directory.resolve("flink-s3-fs-native"));
    Path copy = plugin.resolve(jar.getFileName());
    if (!Files.exists(copy)) {
      Files.copy(jar, copy);
    }
    return directory;
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      String resource = exchange.getRequestURI().toString();
      int answer = trouble.answer(exchange.getRequestMethod(), resource);
      if (answer == 0) {
        handOn(exchange, resource, body);
      } else {
        refuse(exchange, answer);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void refuse(HttpExchange exchange, int status) throws IOException {
    String code =
        switch (status) {
          case 403 -> "AccessDenied";
          case 404 -> "NoSuchKey";
          case 503 -> "SlowDown";
          default -> "InternalError";
        };
    byte[] body =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>%s</Code><Message>%s</Message></Error>"
            .formatted(code, code)
            .getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/xml");
    boolean isHead = exchange.getRequestMethod().equals("HEAD");
    exchange.sendResponseHeaders(status, isHead ? -1 : body.length);
    if (!isHead) {
      exchange.getResponseBody().write(body);
    }
  }

  private void handOn(HttpExchange exchange, String resource, byte[] body)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + proxy.getPort() + resource))
            .method(
                exchange.getRequestMethod(),
                body.length == 0 ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(body));
    exchange
        .getRequestHeaders()
        .forEach(
            (name, values) -> {
              if (!NOT_HANDED_ON.contains(name.toLowerCase(Locale.ROOT))) {
                values.forEach(value -> request.header(name, value));
              }
            });
    HttpResponse<InputStream> response = client.send(request.build(), BodyHandlers.ofInputStream());
    response
        .headers()
        .map()
        .forEach(
            (name, values) -> {
              if (!name.equalsIgnoreCase("transfer-encoding")) {
                exchange.getResponseHeaders().put(name, List.copyOf(values));
              }
            });
    byte[] answer;
    try (InputStream in = response.body()) {
      answer = in.readAllBytes();
    }
    exchange.sendResponseHeaders(response.statusCode(), answer.length == 0 ? -1 : answer.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(answer);
    }
  }

  @Override
  public void close() throws Exception {
    front.stop(0);
    threads.shutdownNow();
    proxy.stop();
    blobs.close();
  }
}
