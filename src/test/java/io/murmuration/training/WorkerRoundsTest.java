package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.murmuration.contribution.UserSample;
import io.murmuration.event.Example;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.List;
import org.junit.jupiter.api.Test;

class WorkerRoundsTest {

  private final WorkerRounds rounds = new WorkerRounds(/* lastEpoch= */ 0);

  private static Grant grant(long epoch, long round, long tick) {
    RoundMechanism mechanism = new RoundMechanism(Sampler.ULS, 0.1, 1, 1.0, 1.0, 10);
    return new Grant(epoch, round, tick, 1, mechanism, 0.1, 1e-6, "00");
  }

  private static ModelVersion model(long epoch, long round) {
    return new ModelVersion("job", epoch, round, "%064x".formatted(round), "%064x".formatted(0));
  }

  private static UserSample sample(long epoch, long round, long tick) {
    return new UserSample(epoch, round, tick, "ann", List.of(new Example(null, "hello")));
  }

  @Test
  void aRoundIsTakenAtTheModelThatWasAnnouncedLastInItsEpoch() {
    rounds.onModel(model(1, 0));
    rounds.onEpochStart(new EpochStart(1, 1));
    assertThatIllegalStateException()
        .isThrownBy(() -> rounds.onGrant(grant(1, 1, 5)))
        .withMessageContaining("before a model of epoch 1 was announced");
    rounds.onModel(model(1, 3));
    rounds.onModel(model(2, 9));
    assertThat(rounds.onGrant(grant(1, 4, 6)).orElseThrow().model()).isEqualTo(model(1, 3));
  }

  @Test
  void theWatermarkOfAGrantedTickWaitsForThePartialSumAndHoldsLaterOnes() {
    rounds.onEpochStart(new EpochStart(1, 1));
    rounds.onModel(model(1, 0));
    assertThat(rounds.onWatermark(3)).isEmpty();
    assertThat(rounds.watermark()).hasValue(3);
    Grant granted = grant(1, 1, 5);
    rounds.onGrant(granted);
    assertThat(rounds.onWatermark(5)).containsExactly(granted);
    assertThat(rounds.watermark()).hasValue(4);
    assertThat(rounds.onWatermark(9)).isEmpty();
    assertThat(rounds.watermark()).isEmpty();
    rounds.left(granted);
    assertThat(rounds.watermark()).hasValue(9);
    assertThat(rounds.watermark()).isEmpty();
  }

  @Test
  void samplesMayOvertakeTheirGrantAndTheirEpochButNotComeAfterTheirWatermark() {
    assertThat(rounds.isStale(sample(1, 1, 5))).isFalse();
    rounds.onEpochStart(new EpochStart(1, 1));
    assertThat(rounds.isStale(sample(1, 1, 5))).isFalse();
    rounds.onWatermark(5);
    assertThat(rounds.isStale(sample(1, 1, 5))).isTrue();
    assertThat(rounds.onGrant(grant(1, 1, 5))).isEmpty();
  }

  @Test
  void whatARestoredOrOlderEpochGrantedIsVoid() {
    WorkerRounds restored = new WorkerRounds(/* lastEpoch= */ 3);
    assertThat(restored.isStale(sample(3, 8, 20))).isTrue();
    restored.onEpochStart(new EpochStart(4, 1));
    restored.onModel(model(4, 0));
    assertThat(restored.onGrant(grant(3, 8, 20))).isEmpty();
    assertThat(restored.onGrant(grant(4, 9, 21))).isPresent();
    assertThat(restored.lastEpoch()).isEqualTo(4);
  }
}
