package io.murmuration.serving;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.murmuration.release.Digests;
import io.murmuration.release.ReleaseFiles;
import io.murmuration.release.ReleaseFixtures;
import io.murmuration.release.ReleaseManifest;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class HttpEndpointTest {

  private static final ReleaseFiles FILES = ReleaseFixtures.files(3, 1f);

  private static final ServedRelease RELEASE =
      new ServedRelease(
          FILES.name(), (ReleaseManifest) FILES.manifest(), Digests.ofRelease(FILES.files()));

  private final HttpClient http = HttpClient.newHttpClient();
  private final Fake source = new Fake();
  private HttpEndpoint endpoint;

  private static final class Fake implements HttpEndpoint.Source {
    private Optional<ServedRelease> served = Optional.of(RELEASE);
    private Optional<String> away = Optional.empty();
    private RuntimeException failure;
    private volatile Prompt asked;
    private final CountDownLatch goOn = new CountDownLatch(1);

    @Override
    public Optional<Answer> answer(Prompt prompt) {
      asked = prompt;
      if (failure != null) {
        throw failure;
      }
      if (prompt.text().equals("slow")) {
        try {
          goOn.await();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }
      return served.map(release -> new Answer(" you " + prompt.text(), release));
    }

    @Override
    public ReleaseFollower.Status status() {
      return new ReleaseFollower.Status(
          served, List.of(new Refusal("round-00000004", List.of("it is damaged"))), away);
    }
  }

  @BeforeEach
  void listen() throws IOException {
    endpoint =
        HttpEndpoint.start(
            source,
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            new HttpEndpoint.Limits(new Prompt("", 50, 0.5, OptionalLong.of(7)), 1));
  }

  @AfterEach
  void close() {
    endpoint.close();
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(
        URI.create("http://127.0.0.1:%d%s".formatted(endpoint.address().getPort(), path)));
  }

  private JsonNode send(int expected, HttpRequest.Builder request) throws Exception {
    HttpResponse<String> response = http.send(request.build(), BodyHandlers.ofString());
    assertThat(response.statusCode()).as(response.body()).isEqualTo(expected);
    assertThat(response.headers().firstValue("Content-Type").orElseThrow())
        .startsWith("application/json");
    return new JsonMapper().readTree(response.body());
  }

  private JsonNode generate(int expected, String body) throws Exception {
    return send(expected, request("/generate").POST(BodyPublishers.ofString(body)));
  }

  @Test
  void answersAndSaysOfWhichRelease() throws Exception {
    JsonNode answer =
        generate(
            200,
            "{\"prompt\": \"grüß\", \"max_tokens\": 5, \"temperature\": 0, \"seed\": 12345678901}");

    assertThat(source.asked).isEqualTo(new Prompt("grüß", 5, 0, OptionalLong.of(12345678901L)));
    assertThat(answer.get("text").asText()).isEqualTo(" you grüß");
    assertThat(answer.get("round").asLong()).isEqualTo(3);
    assertThat(answer.get("epsilon").asDouble()).isEqualTo(RELEASE.manifest().epsilonSpent());
    assertThat(answer.get("delta").asDouble()).isEqualTo(1e-6);
    assertThat(answer.get("release_sha256").asText()).isEqualTo(RELEASE.digest());

    generate(200, "{\"prompt\": \"\"}");
    assertThat(source.asked).isEqualTo(new Prompt("", 50, 0.5, OptionalLong.of(7)));
  }

  @Test
  void saysWhatIsServedRefusedAndAway() throws Exception {
    source.away = Optional.of("no broker answers");

    JsonNode release = send(200, request("/release"));

    assertThat(release.get("release").asText()).isEqualTo("round-00000003");
    assertThat(release.get("statement").asText()).isEqualTo(RELEASE.manifest().statement());
    assertThat(release.get("weights_sha256").asText())
        .isEqualTo(RELEASE.manifest().weightsDigest());
    assertThat(release.at("/refused/round-00000004/0").asText()).isEqualTo("it is damaged");
    assertThat(release.get("away").asText()).isEqualTo("no broker answers");
  }

  @Test
  void withoutAVerifiedReleaseItAnswersNothing() throws Exception {
    source.served = Optional.empty();

    assertThat(generate(503, "{\"prompt\": \"a\"}").get("error").asText())
        .isEqualTo("no release is sound; the newest is round-00000004: it is damaged");
    send(503, request("/release"));
  }

  @Test
  void whatIsNoRequestIsRefusedWithoutQuotingIt() throws Exception {
    for (String body :
        List.of(
            "",
            "secret",
            "[]",
            "{}",
            "{\"prompt\": 1}",
            "{\"prompt\": \"secret\"} x",
            "{\"prompt\": \"secret\", \"max_tokens\": 0}",
            "{\"prompt\": \"secret\", \"max_tokens\": 51}",
            "{\"prompt\": \"secret\", \"max_tokens\": 1.5}",
            "{\"prompt\": \"secret\", \"temperature\": -1}",
            "{\"prompt\": \"secret\", \"temperature\": 1e999}",
            "{\"prompt\": \"secret\", \"seed\": \"secret\"}",
            "{\"prompt\": \"secret\", \"top_p\": 1}")) {
      assertThat(generate(400, body).get("error").asText()).isNotBlank().doesNotContain("secret");
    }
    generate(413, " ".repeat(HttpEndpoint.LARGEST_BODY + 1));
    send(404, request("/"));
    send(405, request("/generate"));
    send(405, request("/release").DELETE());
    assertThat(source.asked).isNull();
  }

  @Test
  void aModelThatFailsDoesNotShowThePrompt() throws Exception {
    source.failure = new IllegalStateException("cannot encode secret");

    assertThat(generate(500, "{\"prompt\": \"secret\"}").toString()).doesNotContain("secret");

    assertThat(new ModelFailedError(source.failure))
        .hasMessage("The model failed on a prompt: java.lang.IllegalStateException")
        .hasNoCause();
  }

  @Test
  void theReleaseIsSaidWhileAnswersAreWaitedFor() throws Exception {
    CompletableFuture<HttpResponse<String>> slow =
        http.sendAsync(
            request("/generate").POST(BodyPublishers.ofString("{\"prompt\": \"slow\"}")).build(),
            BodyHandlers.ofString());
    CompletableFuture<HttpResponse<String>> next =
        http.sendAsync(
            request("/generate").POST(BodyPublishers.ofString("{\"prompt\": \"next\"}")).build(),
            BodyHandlers.ofString());

    send(200, request("/release"));

    source.goOn.countDown();
    assertThat(slow.get().statusCode()).isEqualTo(200);
    assertThat(next.get().statusCode()).isEqualTo(200);
  }

  @Test
  void aPortThatIsTakenIsSaid() {
    assertThatThrownBy(
            () ->
                HttpEndpoint.start(
                    source,
                    endpoint.address(),
                    new HttpEndpoint.Limits(new Prompt("", 1, 0, OptionalLong.empty()), 1)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("Cannot listen on");
  }
}
