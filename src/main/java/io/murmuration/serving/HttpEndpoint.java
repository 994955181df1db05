package io.murmuration.serving;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is served, over HTTP: {@code POST /generate} and {@code GET /release}, JSON both ways.
 *
 * <table>
 * <caption>Status codes</caption>
 * <tr><td>200</td><td>an answer</td></tr>
 * <tr><td>400</td><td>not a JSON object with {@code prompt}, or a field that is none</td></tr>
 * <tr><td>404, 405</td><td>another path or method</td></tr>
 * <tr><td>413</td><td>a body above {@value #LARGEST_BODY} bytes</td></tr>
 * <tr><td>503</td><td>no verified release yet, or too many requests wait</td></tr>
 * </table>
 *
 * <p>No authentication and no encryption: what listens beyond this machine stands behind a proxy
 * that has both. Prompts are in no log and in no message.
 */
public final class HttpEndpoint implements AutoCloseable {

  static final int LARGEST_BODY = 1 << 20;

  /** Requests that may wait for one that is answered, for each that is answered at a time. */
  private static final int WAITING_EACH = 16;

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private static final Logger LOG = LoggerFactory.getLogger(HttpEndpoint.class);

  /** What the endpoint asks; a {@link Responder}, or another in tests. */
  public interface Source {
    /** Continues a prompt; empty if nothing is served yet. */
    Optional<Answer> answer(Prompt prompt);

    /** What is served. */
    ReleaseFollower.Status status();
  }

  /**
   * What requests may ask for.
   *
   * @param defaults of what a request leaves out; its {@code maxTokens} is also the most
   * @param concurrency requests that are answered at a time
   */
  public record Limits(Prompt defaults, int concurrency) {

    public Limits {
      if (concurrency < 1) {
        throw new IllegalArgumentException("concurrency must be at least 1, given " + concurrency);
      }
    }
  }

  private final Source source;
  private final Limits limits;
  private final Semaphore turns;
  private final HttpServer server;
  private final ExecutorService threads;

  private HttpEndpoint(Source source, Limits limits, HttpServer server) {
    this.source = source;
    this.limits = limits;
    this.turns = new Semaphore(limits.concurrency(), /* fair= */ true);
    this.server = server;
    // one more than may wait and be answered, so that GET /release has one
    this.threads = Executors.newFixedThreadPool(limits.concurrency() * (1 + WAITING_EACH) + 1);
  }

  /**
   * Listens.
   *
   * @param address port 0 takes a free one
   * @throws IOException if it is taken, or not this machine's
   */
  public static HttpEndpoint start(Source source, InetSocketAddress address, Limits limits)
      throws IOException {
    HttpServer server;
    try {
      server = HttpServer.create(address, /* backlog= */ 0);
    } catch (IOException e) {
      throw new IOException("Cannot listen on %s: %s".formatted(address, e.getMessage()), e);
    }
    HttpEndpoint endpoint = new HttpEndpoint(source, limits, server);
    server.setExecutor(endpoint.threads);
    server.createContext("/", endpoint::handle);
    server.start();
    return endpoint;
  }

  /** Where it listens. */
  public InetSocketAddress address() {
    return server.getAddress();
  }

  /** A request that gets no answer, and why. */
  private static final class Rejected extends Exception {
    private static final long serialVersionUID = 1L;

    private final int status;

    Rejected(int status, String message) {
      super(message);
      this.status = status;
    }
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      int status = 200;
      ObjectNode body;
      try {
        body = answer(exchange);
      } catch (Rejected e) {
        status = e.status;
        body = JsonNodeFactory.instance.objectNode().put("error", e.getMessage());
      } catch (RuntimeException e) {
        LOG.error("Could not answer a request", new ModelFailedError(e));
        status = 500;
        body =
            JsonNodeFactory.instance
                .objectNode()
                .put("error", "the model failed; the log has its kind");
      }
      byte[] bytes = JSON.writeValueAsBytes(body);
      exchange.getResponseHeaders().set("Content-Type", "application/json; charset=utf-8");
      exchange.sendResponseHeaders(status, bytes.length);
      exchange.getResponseBody().write(bytes);
    }
  }

  private ObjectNode answer(HttpExchange exchange) throws IOException, Rejected {
    switch (exchange.getRequestURI().getPath()) {
      case "/generate" -> {
        requireMethod(exchange, "POST");
        return ServingJson.of(generate(prompt(exchange)));
      }
      case "/release" -> {
        requireMethod(exchange, "GET");
        ReleaseFollower.Status status = source.status();
        if (status.served().isEmpty()) {
          throw new Rejected(503, Responder.reasonOf(status));
        }
        return ServingJson.of(status);
      }
      default -> throw new Rejected(404, "there is POST /generate and GET /release");
    }
  }

  private static void requireMethod(HttpExchange exchange, String method) throws Rejected {
    if (!exchange.getRequestMethod().equals(method)) {
      exchange.getResponseHeaders().set("Allow", method);
      throw new Rejected(405, "the method must be " + method);
    }
  }

  private Prompt prompt(HttpExchange exchange) throws IOException, Rejected {
    byte[] body = exchange.getRequestBody().readNBytes(LARGEST_BODY + 1);
    if (body.length > LARGEST_BODY) {
      throw new Rejected(413, "a request must have at most %d bytes".formatted(LARGEST_BODY));
    }
    try {
      return prompt(JSON.readTree(body));
    } catch (JsonProcessingException e) {
      throw new Rejected(400, "the request must be a JSON object");
    } catch (IllegalArgumentException e) {
      throw new Rejected(400, e.getMessage());
    }
  }

  private Prompt prompt(JsonNode request) {
    if (request == null || !request.isObject()) {
      throw new IllegalArgumentException("the request must be a JSON object");
    }
    Prompt defaults = limits.defaults();
    String text = null;
    int maxTokens = defaults.maxTokens();
    double temperature = defaults.temperature();
    OptionalLong seed = defaults.seed();
    for (Map.Entry<String, JsonNode> field : request.properties()) {
      JsonNode value = field.getValue();
      switch (field.getKey()) {
        case "prompt" -> text = require(value.isTextual(), "prompt", "a string", value).asText();
        case "max_tokens" -> {
          maxTokens = require(value.isInt(), "max_tokens", "a whole number", value).asInt();
          if (maxTokens > defaults.maxTokens()) {
            throw new IllegalArgumentException(
                "max_tokens must be at most %d here, given %d"
                    .formatted(defaults.maxTokens(), maxTokens));
          }
        }
        case "temperature" ->
            temperature = require(value.isNumber(), "temperature", "a number", value).asDouble();
        case "seed" ->
            seed =
                OptionalLong.of(
                    require(
                            value.canConvertToLong() && value.isIntegralNumber(),
                            "seed",
                            "a whole number",
                            value)
                        .asLong());
        default ->
            throw new IllegalArgumentException(
                "a request has prompt, max_tokens, temperature and seed, given " + field.getKey());
      }
    }
    return new Prompt(text, maxTokens, temperature, seed);
  }

  /** Says of which kind a value is, never what it is: it may be a prompt. */
  private static JsonNode require(boolean fits, String name, String expected, JsonNode value) {
    if (!fits) {
      throw new IllegalArgumentException(
          "%s must be %s, given %s"
              .formatted(name, expected, value.getNodeType().name().toLowerCase(Locale.ROOT)));
    }
    return value;
  }

  private Answer generate(Prompt prompt) throws Rejected {
    if (turns.getQueueLength() >= limits.concurrency() * WAITING_EACH) {
      throw new Rejected(503, "too many requests wait; try again later");
    }
    turns.acquireUninterruptibly();
    try {
      return source
          .answer(prompt)
          .orElseThrow(() -> new Rejected(503, Responder.reasonOf(source.status())));
    } finally {
      turns.release();
    }
  }

  /** Listens no more; what is being answered is cut off. */
  @Override
  public void close() {
    server.stop(/* delay= */ 0);
    threads.shutdown();
  }
}
