package io.murmuration.registry;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpClient.Redirect;
import java.net.http.HttpClient.Version;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashSet;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;

/**
 * Asks a registry with Confluent's interface, once for each call; {@link RegisteredSchemas} asks
 * again and remembers. Thread-safe.
 *
 * <p>What is not clearly an answer of a registry is never taken for one: a wrong path, a proxy's
 * page, refused credentials and 5xx are all {@link RegistryUnavailableException}. Only the error
 * code that the interface has for it says that an id is unknown.
 */
public final class RegistryClient {

  private static final String MEDIA_TYPE = "application/vnd.schemaregistry.v1+json";
  private static final String AVRO = "AVRO";

  private static final int OK = 200;
  private static final int NOT_FOUND = 404;
  private static final int SUBJECT_NOT_FOUND = 40401;
  private static final int SCHEMA_NOT_FOUND = 40403;

  /** A message of a server is shown up to here. */
  private static final int MESSAGE_CHARS = 300;

  private static final ObjectMapper JSON = new ObjectMapper();

  private final RegistryEndpoint endpoint;
  private final HttpClient http;

  /** An answer of a registry: 200, or one of its own error codes. */
  private record Answer(int errorCode, JsonNode body) {
    boolean isOk() {
      return errorCode == 0;
    }
  }

  /**
   * Reads key and trust stores; speaks with nobody yet.
   *
   * @throws IOException if they cannot be read
   */
  public RegistryClient(RegistryEndpoint endpoint) throws IOException {
    this.endpoint = endpoint;
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .version(Version.HTTP_1_1)
            // credentials are for the host that was configured
            .followRedirects(Redirect.NEVER)
            .connectTimeout(endpoint.timeout());
    if (endpoint.trust() != null || endpoint.identity() != null) {
      builder.sslContext(TlsFiles.context(endpoint.trust(), endpoint.identity()));
    }
    this.http = builder.build();
  }

  /**
   * The schema with an id.
   *
   * @throws RegistryUnavailableException if no node of the registry answers
   */
  public SchemaAnswer schema(int id) throws RegistryUnavailableException, InterruptedException {
    Answer answer = ask("/schemas/ids/" + id, /* post= */ null);
    if (answer.errorCode() == SCHEMA_NOT_FOUND) {
      return new SchemaAnswer.Unknown();
    }
    if (!answer.isOk()) {
      throw new RegistryUnavailableException(
          "the registry %s has error %d about schema id %d: %s"
              .formatted(endpoint, answer.errorCode(), id, message(answer.body())));
    }
    String type = answer.body().path("schemaType").asText(AVRO);
    if (!type.equals(AVRO)) {
      return new SchemaAnswer.Unusable("is of type %s, not AVRO".formatted(type));
    }
    try {
      Schema.Parser parser = new Schema.Parser();
      addReferences(answer.body(), parser, new HashSet<>());
      return new SchemaAnswer.Found(parser.parse(text(answer.body())));
    } catch (AvroRuntimeException | NullPointerException e) {
      // the latter for types that the parser does not know
      return new SchemaAnswer.Unusable("is not an Avro schema: " + e.getMessage());
    }
  }

  /** Schemas that others refer to by name, those that they refer to themselves before them. */
  private void addReferences(JsonNode body, Schema.Parser parser, Set<String> added)
      throws RegistryUnavailableException, InterruptedException {
    for (JsonNode reference : body.path("references")) {
      String path =
          "/subjects/%s/versions/%d"
              .formatted(
                  segment(reference.path("subject").asText()), reference.path("version").asInt());
      if (added.add(path)) {
        Answer answer = ask(path, /* post= */ null);
        if (!answer.isOk()) {
          throw new AvroRuntimeException(
              "it refers to %s, of which the registry says: %s"
                  .formatted(path, message(answer.body())));
        }
        addReferences(answer.body(), parser, added);
        parser.parse(text(answer.body()));
      }
    }
  }

  private String text(JsonNode body) throws RegistryUnavailableException {
    JsonNode schema = body.path("schema");
    if (!schema.isTextual()) {
      throw new RegistryUnavailableException(
          "the registry %s answered without a schema".formatted(endpoint));
    }
    return schema.textValue();
  }

  /**
   * The id under which a subject has a schema, if it has it.
   *
   * @throws IOException if the registry does not answer, or refuses
   */
  public OptionalInt lookUp(String subject, Schema schema)
      throws IOException, InterruptedException {
    Answer answer = ask("/subjects/" + segment(subject), schema);
    return answer.errorCode() == SUBJECT_NOT_FOUND || answer.errorCode() == SCHEMA_NOT_FOUND
        ? OptionalInt.empty()
        : OptionalInt.of(id(subject, answer));
  }

  /**
   * Adds a schema to a subject, if it is not there.
   *
   * @return its id
   * @throws IOException if the registry does not answer, or refuses
   */
  public int register(String subject, Schema schema) throws IOException, InterruptedException {
    return id(subject, ask("/subjects/%s/versions".formatted(segment(subject)), schema));
  }

  private int id(String subject, Answer answer) throws IOException {
    JsonNode id = answer.body().path("id");
    if (!answer.isOk() || !id.isInt()) {
      throw new IOException(
          "the registry %s does not take the schema for subject %s: %s"
              .formatted(endpoint, subject, message(answer.body())));
    }
    return id.intValue();
  }

  /**
   * Asks for something that every registry has and anybody who may read may read.
   *
   * @throws RegistryUnavailableException if there is no registry, or it does not let us in
   */
  public void check() throws RegistryUnavailableException, InterruptedException {
    // an id that no registry gives; that it is unknown is the answer of one that is well
    schema(Integer.MAX_VALUE);
  }

  /**
   * Asks node after node. An answer that something is unknown is believed when no other node has
   * one that is better.
   */
  private Answer ask(String path, Schema post)
      throws RegistryUnavailableException, InterruptedException {
    Answer refused = null;
    StringBuilder failures = new StringBuilder();
    Exception last = null;
    for (URI url : endpoint.urls()) {
      try {
        Answer answer = ask(url, path, post);
        if (answer.isOk()) {
          return answer;
        }
        refused = answer;
      } catch (IOException e) {
        failures.append(failures.isEmpty() ? "" : "; ").append(url).append(' ').append(words(e));
        last = e;
      }
    }
    if (refused != null) {
      return refused;
    }
    throw new RegistryUnavailableException("the registry is away: " + failures, last);
  }

  private static String words(IOException failure) {
    return failure.getMessage() == null
        ? "cannot be reached (%s)".formatted(failure.getClass().getSimpleName())
        : failure.getMessage();
  }

  private Answer ask(URI url, String path, Schema post) throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(url.toString().replaceAll("/+$", "") + path))
            .header("Accept", MEDIA_TYPE + ", application/json");
    authorize(request);
    if (post != null) {
      ObjectNode body = JsonNodeFactory.instance.objectNode().put("schema", post.toString());
      request
          .header("Content-Type", MEDIA_TYPE)
          .POST(BodyPublishers.ofString(body.toString(), StandardCharsets.UTF_8));
    }
    return answer(send(request.build()));
  }

  private void authorize(HttpRequest.Builder request) {
    if (endpoint.token() != null) {
      request.header("Authorization", "Bearer " + endpoint.token());
    } else if (endpoint.user() != null) {
      byte[] pair = (endpoint.user() + ":" + endpoint.password()).getBytes(StandardCharsets.UTF_8);
      request.header("Authorization", "Basic " + Base64.getEncoder().encodeToString(pair));
    }
  }

  /** The client's own timeout ends with the headers; this one is for the whole answer. */
  private HttpResponse<byte[]> send(HttpRequest request) throws IOException, InterruptedException {
    CompletableFuture<HttpResponse<byte[]>> response =
        http.sendAsync(request, BodyHandlers.ofByteArray());
    try {
      return response.get(endpoint.timeout().toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new IOException(
          "did not answer within %d ms".formatted(endpoint.timeout().toMillis()), e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException failure) {
        throw failure;
      }
      throw new IOException(e.getCause());
    } finally {
      response.cancel(/* mayInterruptIfRunning= */ true);
    }
  }

  private static Answer answer(HttpResponse<byte[]> response) throws IOException {
    int status = response.statusCode();
    JsonNode body = json(response.body());
    if (status == OK) {
      if (!body.isObject()) {
        throw new IOException("answered something that is no JSON object");
      }
      return new Answer(0, body);
    }
    int code = body.path("error_code").asInt();
    // the interface's own codes have the status as their beginning, followed by two digits
    boolean own = code / 100 == status;
    if (own && (status == NOT_FOUND || status == 409 || status == 422)) {
      return new Answer(code, body);
    }
    if (status == 409 || status == 422) {
      return new Answer(status, body);
    }
    String hint =
        switch (status) {
          case 401, 403 -> ", it does not let us in with these credentials";
          case NOT_FOUND -> ", there is no registry under this URL";
          case 301, 302, 307, 308 -> ", which redirects; give the URL that it leads to";
          default -> "";
        };
    throw new IOException("answered %d%s".formatted(status, hint));
  }

  private static JsonNode json(byte[] body) throws IOException {
    try {
      return JSON.readTree(body);
    } catch (JsonProcessingException e) {
      return JsonNodeFactory.instance.missingNode();
    }
  }

  private static String message(JsonNode body) {
    String message = body.path("message").asText("nothing");
    return message.length() <= MESSAGE_CHARS ? message : message.substring(0, MESSAGE_CHARS);
  }

  private static String segment(String name) {
    return URLEncoder.encode(name, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
