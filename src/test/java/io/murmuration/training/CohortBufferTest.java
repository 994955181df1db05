package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.contribution.UserSample;
import io.murmuration.event.Example;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.training.CohortBuffer.Cohort;
import java.util.List;
import org.junit.jupiter.api.Test;

class CohortBufferTest {

  private static final RoundMechanism MECHANISM =
      new RoundMechanism(Sampler.ULS, 0.1, 1, 1.0, 1.0, 10);

  private final CohortBuffer buffer = new CohortBuffer(/* lastEpoch= */ 0);

  @Test
  void aRoundRunsAtItsWatermarkWithAllOfItsUsers() {
    buffer.onEpochStart(new EpochStart(1, 1));
    assertThat(buffer.onGrant(grant(1, 1, 5))).isTrue();
    buffer.onSample(sample(1, 1, 5, "ann"));
    buffer.onSample(sample(1, 1, 5, "bob"));

    assertThat(buffer.onWatermark(4)).isEmpty();
    List<Cohort> complete = buffer.onWatermark(5);

    assertThat(complete).hasSize(1);
    assertThat(complete.get(0).samples())
        .extracting(UserSample::userId)
        .containsExactly("ann", "bob");
    assertThat(buffer.onWatermark(6)).as("a round runs once").isEmpty();
  }

  @Test
  void anEmptyCohortIsARound() {
    buffer.onEpochStart(new EpochStart(1, 1));
    buffer.onGrant(grant(1, 1, 5));
    assertThat(buffer.onWatermark(9))
        .singleElement()
        .satisfies(c -> assertThat(c.samples()).isEmpty());
  }

  @Test
  void aUserCountsOncePerRound() {
    buffer.onEpochStart(new EpochStart(1, 1));
    buffer.onGrant(grant(1, 1, 5));
    assertThat(buffer.onSample(sample(1, 1, 5, "ann"))).isTrue();
    assertThat(buffer.onSample(sample(1, 1, 5, "ann"))).isFalse();
    assertThat(buffer.onWatermark(5).get(0).samples()).hasSize(1);
  }

  @Test
  void samplesMayOvertakeTheirGrantAndTheirEpoch() {
    buffer.onSample(sample(1, 1, 5, "ann"));
    buffer.onEpochStart(new EpochStart(1, 1));
    buffer.onGrant(grant(1, 1, 5));
    assertThat(buffer.onWatermark(5).get(0).samples()).hasSize(1);
  }

  @Test
  void aWatermarkThatSkipsReleasesEveryGrantInOrder() {
    buffer.onEpochStart(new EpochStart(1, 1));
    buffer.onGrant(grant(1, 2, 7));
    buffer.onGrant(grant(1, 1, 5));
    buffer.onSample(sample(1, 2, 7, "bob"));
    buffer.onSample(sample(1, 1, 5, "ann"));
    assertThat(buffer.onWatermark(100))
        .extracting(cohort -> cohort.grant().round())
        .containsExactly(1L, 2L);
  }

  @Test
  void grantsAndSamplesOfTheRestoredEpochAreVoid() {
    CohortBuffer restored = new CohortBuffer(/* lastEpoch= */ 3);
    assertThat(restored.onGrant(grant(3, 8, 20))).isFalse();
    assertThat(restored.onSample(sample(3, 8, 20, "ann"))).isFalse();
    assertThat(restored.onWatermark(20)).isEmpty();
  }

  @Test
  void aNewEpochVoidsWhatTheOldOneLeft() {
    buffer.onEpochStart(new EpochStart(1, 1));
    buffer.onGrant(grant(1, 1, 5));
    buffer.onSample(sample(1, 1, 5, "ann"));
    buffer.onEpochStart(new EpochStart(2, 1));
    assertThat(buffer.onGrant(grant(1, 2, 6))).as("late grant of a dead attempt").isFalse();
    assertThat(buffer.onSample(sample(1, 1, 5, "bob"))).isFalse();
    assertThat(buffer.onWatermark(6)).isEmpty();

    buffer.onGrant(grant(2, 3, 7));
    buffer.onSample(sample(2, 3, 7, "cat"));
    assertThat(buffer.onWatermark(7).get(0).samples())
        .extracting(UserSample::userId)
        .containsExactly("cat");
  }

  @Test
  void anOldEpochStartDoesNotTurnTimeBack() {
    buffer.onEpochStart(new EpochStart(4, 1));
    buffer.onEpochStart(new EpochStart(2, 1));
    assertThat(buffer.lastEpoch()).isEqualTo(4);
    assertThat(buffer.onGrant(grant(2, 1, 5))).isFalse();
  }

  @Test
  void aSampleAfterItsWatermarkIsStale() {
    buffer.onEpochStart(new EpochStart(1, 1));
    buffer.onWatermark(5);
    assertThat(buffer.onSample(sample(1, 1, 5, "ann"))).isFalse();
    assertThat(buffer.onGrant(grant(1, 1, 5))).isFalse();
  }

  @Test
  void aSampleForAnotherRoundOfTheSameTickIsNotPartOfTheCohort() {
    buffer.onEpochStart(new EpochStart(1, 1));
    buffer.onGrant(grant(1, 2, 5));
    buffer.onSample(sample(1, 1, 5, "ann"));
    assertThat(buffer.onWatermark(5).get(0).samples()).isEmpty();
  }

  private static Grant grant(long epoch, long round, long tick) {
    return new Grant(epoch, round, tick, 1, MECHANISM, 0.1, 1e-6, "00");
  }

  private static UserSample sample(long epoch, long round, long tick, String user) {
    return new UserSample(epoch, round, tick, user, List.of(new Example(null, "hello")));
  }
}
