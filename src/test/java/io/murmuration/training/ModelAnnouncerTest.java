package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatNoException;

import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.training.ParameterStore.Key;
import io.murmuration.training.PartialSums.RoundSum;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class ModelAnnouncerTest {

  private final InMemoryParameterStore store =
      new InMemoryParameterStore(UUID.randomUUID().toString());
  private final ModelAnnouncer models = new ModelAnnouncer(store, "job");

  private static TrainerState state(long round, float... parameters) {
    return new TrainerState(
        round,
        /* executedRounds= */ round,
        parameters,
        new OptimizerState(List.of()),
        TrainerState.UNKNOWN_LAYOUT,
        new TrainingOrigin("here", new float[] {5, 6}));
  }

  private static RoundSum takenAt(String digest) {
    return new RoundSum(GradientTask.grantOf(1, 1, 5), null, digest);
  }

  @Test
  void whatIsAnnouncedIsInTheStore() throws Exception {
    ModelVersion version = models.put(1, state(0, 1, 2));
    assertThat(version)
        .returns("job", ModelVersion::submission)
        .returns(1L, ModelVersion::epoch)
        .returns(0L, ModelVersion::round)
        .returns(ParameterDigest.of(new float[] {1, 2}), ModelVersion::digest);
    assertThat(store.get(Key.ofParameters(version))).containsExactly(1, 2);
    assertThat(store.get(Key.ofFrozen(version))).containsExactly(5, 6);
  }

  @Test
  void theNextOneSupersedesIt() throws Exception {
    ModelVersion first = models.put(1, state(0, 1, 2));
    ModelVersion second = models.put(1, state(1, 3, 4));
    assertThatIOException().isThrownBy(() -> store.get(Key.ofParameters(first)));
    assertThat(store.get(Key.ofParameters(second))).containsExactly(3, 4);
    assertThat(store.get(Key.ofFrozen(second))).containsExactly(5, 6);
  }

  /** They stay after a round that measures. */
  @Test
  void parametersThatStayedAreNotPutAgain() throws Exception {
    float[] parameters = {1, 2};
    ModelVersion first = models.put(1, state(0, parameters));
    assertThat(models.put(1, state(1, parameters))).isSameAs(first);
    assertThat(models.put(2, state(1, parameters)).epoch()).as("in another epoch").isEqualTo(2);
  }

  @Test
  void onlyTheModelAnnouncedLastCounts() throws Exception {
    assertThatIllegalStateException()
        .isThrownBy(() -> models.requireCurrent(takenAt(ParameterDigest.of(new float[0]))))
        .withMessageContaining("null");
    ModelVersion first = models.put(1, state(0, 1, 2));
    assertThatNoException().isThrownBy(() -> models.requireCurrent(takenAt(first.digest())));
    ModelVersion second = models.put(1, state(1, 3, 4));
    assertThatIllegalStateException()
        .isThrownBy(() -> models.requireCurrent(takenAt(first.digest())))
        .withMessageContaining(first.digest())
        .withMessageContaining(second.digest());
  }
}
