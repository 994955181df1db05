package io.murmuration.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;

/** A registry over real HTTP whose moods a test sets. */
public final class FakeRegistry implements AutoCloseable {

  private static final ObjectMapper JSON = new ObjectMapper();

  private final HttpServer server;
  private final ExecutorService executor = Executors.newCachedThreadPool();
  private final String scheme;
  private final Map<Integer, String> answers = new ConcurrentHashMap<>();
  private final List<String> requests = new CopyOnWriteArrayList<>();
  private final List<String> credentials = new CopyOnWriteArrayList<>();

  /** What it answers instead of what it knows. */
  public enum Mood {
    WELL,
    UNAVAILABLE,
    FORBIDDEN,
    SILENT,
    HALTING,
    LOGIN_PAGE,
    NOT_A_REGISTRY,
    REDIRECTING
  }

  private volatile Mood mood = Mood.WELL;

  private FakeRegistry(HttpServer server, String scheme) {
    this.server = server;
    this.scheme = scheme;
    server.setExecutor(executor);
    server.createContext("/", this::handle);
    server.start();
  }

  /** On a port of its own. */
  public static FakeRegistry start() throws IOException {
    return new FakeRegistry(HttpServer.create(address(), /* backlog= */ 0), "http");
  }

  /** The same over TLS. */
  public static FakeRegistry start(SSLContext tls) throws IOException {
    HttpsServer https = HttpsServer.create(address(), /* backlog= */ 0);
    https.setHttpsConfigurator(new HttpsConfigurator(tls));
    return new FakeRegistry(https, "https");
  }

  private static InetSocketAddress address() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), /* port= */ 0);
  }

  /** The address of the registry. */
  public URI url() {
    return URI.create(
        "%s://localhost:%d/apis/ccompat".formatted(scheme, server.getAddress().getPort()));
  }

  /** Answers in this mood from now on. */
  public void feel(Mood now) {
    mood = now;
  }

  /** Knows a schema under an id. */
  public FakeRegistry with(int id, String schema) {
    return withAnswer(id, JSON.createObjectNode().put("schema", schema).toString());
  }

  /** Answers an id with a body. */
  public FakeRegistry withAnswer(int id, String body) {
    answers.put(id, body);
    return this;
  }

  /** Method and path of each request, in order. */
  public List<String> requests() {
    return List.copyOf(requests);
  }

  /** The {@code Authorization} header of each request, in order. */
  public List<String> credentials() {
    return new ArrayList<>(credentials);
  }

  private void handle(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getRawPath().replace("/apis/ccompat", "");
    requests.add(exchange.getRequestMethod() + " " + path);
    String authorization = exchange.getRequestHeaders().getFirst("Authorization");
    credentials.add(authorization == null ? "none" : authorization);
    byte[] sent = exchange.getRequestBody().readAllBytes();
    switch (mood) {
      case WELL -> answer(exchange, path, sent);
      case UNAVAILABLE -> send(exchange, 503, "{\"error_code\":50003,\"message\":\"starting\"}");
      case FORBIDDEN -> send(exchange, 401, "{\"error_code\":40101,\"message\":\"who?\"}");
      case LOGIN_PAGE -> send(exchange, 200, "<html>please log in</html>");
      case NOT_A_REGISTRY -> send(exchange, 404, "{\"error_code\":404,\"message\":\"no path\"}");
      case REDIRECTING -> {
        exchange.getResponseHeaders().add("Location", "http://localhost:1/");
        send(exchange, 302, "");
      }
      case SILENT -> {}
      case HALTING -> {
        exchange.sendResponseHeaders(200, 100);
        exchange.getResponseBody().write('{');
        exchange.getResponseBody().flush();
      }
    }
  }

  private void answer(HttpExchange exchange, String path, byte[] sent) throws IOException {
    if (exchange.getRequestMethod().equals("POST")) {
      JsonNode body = JSON.readTree(sent);
      for (Map.Entry<Integer, String> known : answers.entrySet()) {
        if (JSON.readTree(known.getValue()).path("schema").equals(body.path("schema"))) {
          send(exchange, 200, "{\"id\":%d}".formatted(known.getKey()));
          return;
        }
      }
      if (path.endsWith("/versions")) {
        int id = answers.size() + 1;
        with(id, body.path("schema").asText());
        send(exchange, 200, "{\"id\":%d}".formatted(id));
      } else {
        send(exchange, 404, "{\"error_code\":40401,\"message\":\"Subject not found.\"}");
      }
      return;
    }
    String id = path.substring(path.lastIndexOf('/') + 1);
    String known = answers.get(Integer.parseInt(id));
    if (known == null) {
      send(exchange, 404, "{\"error_code\":40403,\"message\":\"Schema not found\"}");
    } else {
      send(exchange, 200, known);
    }
  }

  private static void send(HttpExchange exchange, int status, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  @Override
  public void close() {
    server.stop(/* delay= */ 0);
    executor.shutdownNow();
  }
}
