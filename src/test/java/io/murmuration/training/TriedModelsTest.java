package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.murmuration.privacy.mechanism.ModelVersion;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TriedModelsTest {

  private final String submission = UUID.randomUUID().toString();

  @AfterEach
  void forget() {
    TriedModels.forget(submission);
  }

  private ModelVersion model(long epoch, long round) {
    return new ModelVersion(submission, epoch, round, "digest-" + round, "frozen");
  }

  @Test
  void aWorkerWaitsForTheVerdictOnTheSameModel() {
    TriedModels.begin(model(1, 1));
    CompletableFuture<Boolean> asked = new CompletableFuture<>();
    Thread worker =
        new Thread(
            () -> {
              try {
                asked.complete(TriedModels.passed(model(1, 1)));
              } catch (InterruptedException e) {
                asked.completeExceptionally(e);
              }
            });
    worker.start();
    await().until(() -> worker.getState() == Thread.State.WAITING);
    TriedModels.end(submission, true);
    assertThat(asked.join()).isTrue();
  }

  @Test
  void nothingIsKnownOfOtherModelsEpochsAndJobs() throws Exception {
    assertThat(TriedModels.passed(model(1, 1))).isFalse();
    TriedModels.begin(model(1, 1));
    TriedModels.end(submission, true);
    assertThat(TriedModels.passed(model(2, 1))).isFalse();
    assertThat(TriedModels.passed(model(1, 2))).isFalse();
    assertThat(TriedModels.passed(new ModelVersion("other", 1, 1, "digest-1", "frozen"))).isFalse();
  }

  @Test
  void aVerdictStands_andATrainThatIsGoneHasNone() throws Exception {
    TriedModels.begin(model(1, 1));
    TriedModels.end(submission, false);
    TriedModels.end(submission, true);
    assertThat(TriedModels.passed(model(1, 1))).isFalse();
    TriedModels.begin(model(1, 2));
    TriedModels.forget(submission);
    assertThat(TriedModels.passed(model(1, 2))).isFalse();
  }
}
