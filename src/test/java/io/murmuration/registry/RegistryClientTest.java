package io.murmuration.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.TlsKeys;
import io.murmuration.registry.FakeRegistry.Mood;
import io.murmuration.registry.RegistryEndpoint.KeyFile;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** The client against a real HTTP server in each of its moods. */
@Timeout(120)
class RegistryClientTest {

  private static final Schema SCHEMA =
      SchemaBuilder.record("Said").fields().requiredString("text").endRecord();

  private FakeRegistry registry;

  @BeforeEach
  void start() throws IOException {
    registry = FakeRegistry.start();
  }

  @AfterEach
  void stop() {
    registry.close();
  }

  private static RegistryEndpoint endpoint(
      List<URI> urls, String user, String password, String token) {
    return new RegistryEndpoint(
        new ArrayList<>(urls), user, password, token, null, null, Duration.ofSeconds(10));
  }

  private RegistryClient client() throws IOException {
    return new RegistryClient(endpoint(List.of(registry.url()), null, null, null));
  }

  @Test
  void aSchemaIsFoundByItsId_orUnknown() throws Exception {
    registry.with(7, SCHEMA.toString());
    assertThat(client().schema(7)).isEqualTo(new SchemaAnswer.Found(SCHEMA));
    assertThat(client().schema(8)).isEqualTo(new SchemaAnswer.Unknown());
    assertThat(registry.requests()).containsExactly("GET /schemas/ids/7", "GET /schemas/ids/8");
    client().check();
  }

  @Test
  void aSchemaMayReferToOthers() throws Exception {
    String reference = "{\"name\":\"Said\",\"subject\":\"a said\",\"version\":3}";
    String outer =
        "{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"Outer\\\",\\\"fields\\\":[{\\\"name\\\":\\\"said\\\",\\\"type\\\":\\\"Said\\\"}]}";
    registry.with(3, SCHEMA.toString());
    registry.withAnswer(
        7, "{\"schema\":\"%s\",\"references\":[%s,%s]}".formatted(outer, reference, reference));
    SchemaAnswer answer = client().schema(7);
    assertThat(((SchemaAnswer.Found) answer).schema().getField("said").schema()).isEqualTo(SCHEMA);
    assertThat(registry.requests()).last().isEqualTo("GET /subjects/a%20said/versions/3");
  }

  @Test
  void whatIsNoAvroSchemaIsUnusable_andSaysWhy() throws Exception {
    registry.withAnswer(1, "{\"schema\":\"{}\",\"schemaType\":\"JSON\"}");
    registry.with(2, "{\"type\":\"nonsense\"}");
    assertThat(client().schema(1))
        .isEqualTo(new SchemaAnswer.Unusable("is of type JSON, not AVRO"));
    assertThat(client().schema(2))
        .isInstanceOfSatisfying(
            SchemaAnswer.Unusable.class,
            unusable -> assertThat(unusable.reason()).startsWith("is not an Avro schema: "));
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "WELL")
  void whatIsNoAnswerOfARegistryIsNeverTakenForOne(Mood mood) throws Exception {
    registry.with(7, SCHEMA.toString());
    registry.feel(mood);
    boolean waits = mood == Mood.SILENT || mood == Mood.HALTING;
    RegistryClient client =
        new RegistryClient(
            new RegistryEndpoint(
                new ArrayList<>(List.of(registry.url())),
                null,
                null,
                null,
                null,
                null,
                Duration.ofMillis(waits ? 300 : 10_000)));
    for (int id : new int[] {7, 8}) {
      assertThatThrownBy(() -> client.schema(id))
          .isInstanceOf(RegistryUnavailableException.class)
          .hasMessageContaining("the registry is away: " + registry.url());
    }
    registry.feel(Mood.WELL);
    assertThat(client().schema(7)).isEqualTo(new SchemaAnswer.Found(SCHEMA));
  }

  @Test
  void nodesAreTriedInTurn_andOneThatIsAwayHidesNothing() throws Exception {
    registry.with(7, SCHEMA.toString());
    RegistryClient client =
        new RegistryClient(
            endpoint(List.of(URI.create("http://localhost:1/"), registry.url()), null, null, null));
    assertThat(client.schema(7)).isEqualTo(new SchemaAnswer.Found(SCHEMA));
    assertThat(client.schema(8)).isEqualTo(new SchemaAnswer.Unknown());
    registry.feel(Mood.UNAVAILABLE);
    assertThatThrownBy(() -> client.schema(9))
        .hasMessageContaining("away: http://localhost:1/ ")
        .hasMessageContaining("answered 503");
  }

  @Test
  void credentialsAreSent_andNeverShown() throws Exception {
    RegistryEndpoint basic = endpoint(List.of(registry.url()), "ann", "hunter2", null);
    RegistryEndpoint bearer = endpoint(List.of(registry.url()), null, null, "t0ken");
    new RegistryClient(basic).check();
    new RegistryClient(bearer).check();
    assertThat(registry.credentials()).containsExactly("Basic YW5uOmh1bnRlcjI=", "Bearer t0ken");
    registry.feel(Mood.FORBIDDEN);
    for (RegistryEndpoint endpoint : List.of(basic, bearer)) {
      assertThat(endpoint.toString()).doesNotContain("hunter2", "t0ken");
      assertThatThrownBy(() -> new RegistryClient(endpoint).check())
          .hasMessageContaining("does not let us in with these credentials")
          .hasMessageNotContaining("hunter2")
          .hasMessageNotContaining("t0ken");
    }
  }

  @Test
  void aSubjectsSchemaIsLookedUpAndRegistered() throws Exception {
    assertThat(client().lookUp("a/b value", SCHEMA)).isEmpty();
    int id = client().register("a/b value", SCHEMA);
    assertThat(client().lookUp("a/b value", SCHEMA)).hasValue(id);
    assertThat(client().schema(id)).isEqualTo(new SchemaAnswer.Found(SCHEMA));
    assertThat(registry.requests()).contains("POST /subjects/a%2Fb%20value/versions");
    registry.feel(Mood.UNAVAILABLE);
    assertThatThrownBy(() -> client().register("s", SCHEMA)).hasMessageContaining("503");
  }

  @Test
  void whatWouldShowCredentialsOrCannotBeReachedIsRefused() {
    assertThatThrownBy(() -> RegistryEndpoint.at(URI.create("http://ann:hunter2@host/")))
        .hasMessageContaining("must not hold credentials")
        .hasMessageNotContaining("hunter2");
    assertThatThrownBy(() -> RegistryEndpoint.at(URI.create("ftp://host/")))
        .hasMessageContaining("must be http:// or https://");
    List<URI> urls = List.of(URI.create("http://host"));
    assertThatThrownBy(() -> endpoint(urls, "ann", null, null))
        .hasMessageContaining("together or not at all");
    assertThatThrownBy(() -> endpoint(urls, "ann", "p", "t")).hasMessageContaining("given both");
  }

  @Test
  void overTls_aServerIsTrustedByTheGivenCertificatesAlone(@TempDir Path directory)
      throws Exception {
    Path keys = TlsKeys.selfSigned(directory.resolve("keys.p12"), "changeit");
    Path pem = TlsKeys.certificate(keys, "changeit", directory.resolve("server.pem"));
    KeyFile store = new KeyFile(keys.toString(), "changeit");
    try (FakeRegistry secure = FakeRegistry.start(TlsFiles.context(null, store))) {
      secure.with(7, SCHEMA.toString());
      for (KeyFile trust : List.of(store, new KeyFile(pem.toString(), null))) {
        RegistryClient client = new RegistryClient(trusting(secure.url(), trust));
        assertThat(client.schema(7)).isEqualTo(new SchemaAnswer.Found(SCHEMA));
      }
      RegistryClient stranger = new RegistryClient(trusting(secure.url(), null));
      assertThatThrownBy(() -> stranger.schema(7))
          .isInstanceOf(RegistryUnavailableException.class)
          .hasMessageContaining("certification path");
    }
    KeyFile none = new KeyFile(directory.resolve("none").toString(), null);
    assertThatThrownBy(() -> new RegistryClient(trusting(registry.url(), none)))
        .hasMessageContaining("the key store " + none + " cannot be read");
    KeyFile wrong = new KeyFile(keys.toString(), "other");
    assertThatThrownBy(() -> new RegistryClient(trusting(registry.url(), wrong)))
        .hasMessageContaining("password was incorrect");
  }

  private static RegistryEndpoint trusting(URI url, KeyFile trust) {
    return new RegistryEndpoint(
        new ArrayList<>(List.of(url)), null, null, null, trust, null, Duration.ofSeconds(30));
  }
}
