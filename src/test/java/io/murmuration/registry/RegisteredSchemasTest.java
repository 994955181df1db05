package io.murmuration.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.registry.FakeRegistry.Mood;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class RegisteredSchemasTest {

  private static final Schema SCHEMA =
      SchemaBuilder.record("Said").fields().requiredString("text").endRecord();

  private static final int MOST_KEPT = 5;

  private FakeRegistry registry;
  private RegisteredSchemas schemas;

  @BeforeEach
  void start() throws Exception {
    registry = FakeRegistry.start().with(7, SCHEMA.toString());
    schemas =
        new RegisteredSchemas(
            new RegistryClient(RegistryEndpoint.at(registry.url())),
            Duration.ofMillis(5),
            Duration.ofMillis(20),
            MOST_KEPT);
  }

  @AfterEach
  void stop() {
    registry.close();
  }

  @Test
  void eachIdIsAskedForOnce_whetherKnownOrNot() throws Exception {
    assertThat(schemas.remembered(7)).isEmpty();
    for (int i = 0; i < 3; i++) {
      assertThat(schemas.await(7)).isEqualTo(new SchemaAnswer.Found(SCHEMA));
      assertThat(schemas.await(8)).isEqualTo(new SchemaAnswer.Unknown());
    }
    assertThat(schemas.remembered(7)).contains(new SchemaAnswer.Found(SCHEMA));
    assertThat(registry.requests()).hasSize(2);
  }

  @Test
  void noMoreIdsAreHeldThanAreAllowed() throws Exception {
    schemas.await(7);
    for (int id = 100; id < 100 + MOST_KEPT; id++) {
      schemas.await(id);
    }
    assertThat(schemas.remembered(7)).isEmpty();
    assertThat(schemas.remembered(101)).isPresent();
  }

  @Test
  void aRegistryThatIsAwayIsAskedAgainUntilItIsBack() throws Exception {
    registry.feel(Mood.UNAVAILABLE);
    CompletableFuture<SchemaAnswer> answer =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return schemas.await(7);
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
    Awaitility.await().until(() -> registry.requests().size() > 3);
    assertThat(schemas.isAway()).isTrue();
    assertThat(answer).isNotDone();
    registry.feel(Mood.WELL);
    assertThat(answer.get(60, TimeUnit.SECONDS)).isEqualTo(new SchemaAnswer.Found(SCHEMA));
    assertThat(schemas.isAway()).isFalse();
  }

  @Test
  void waitingEndsWithPatience_andAtOnceWhenInterrupted() throws Exception {
    registry.feel(Mood.UNAVAILABLE);
    assertThatThrownBy(() -> schemas.await(7, Duration.ofMillis(50)))
        .isInstanceOf(RegistryUnavailableException.class)
        .hasMessageContaining("answered 503");
    registry.feel(Mood.SILENT);
    CompletableFuture<String> end = new CompletableFuture<>();
    Thread waiter =
        new Thread(
            () -> {
              try {
                end.complete("answered " + schemas.await(7));
              } catch (InterruptedException e) {
                end.complete("interrupted");
              }
            });
    int before = registry.requests().size();
    waiter.start();
    Awaitility.await().until(() -> registry.requests().size() > before);
    waiter.interrupt();
    assertThat(end.get(60, TimeUnit.SECONDS)).isEqualTo("interrupted");
  }
}
