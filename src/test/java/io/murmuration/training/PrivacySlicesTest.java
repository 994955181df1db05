package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.contribution.UserSample;
import io.murmuration.event.Example;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class PrivacySlicesTest {

  private static RoundMechanism mechanism(Sampler sampler, int groupSize) {
    return new RoundMechanism(sampler, 0.5, groupSize, 1, 1, 10);
  }

  private static UserSample sample(String user, String... texts) {
    return new UserSample(
        1, 1, 1, user, Arrays.stream(texts).map(text -> new Example(null, text)).toList());
  }

  @Test
  void underUlsAUserIsOneSlice() {
    assertThat(
            PrivacySlices.of(
                mechanism(Sampler.ULS, 4), List.of(sample("u", "a", "b"), sample("v", "c"))))
        .containsExactly(QuadraticEngine.slice("a", "b"), QuadraticEngine.slice("c"));
  }

  @Test
  void underElsAnExampleIsOneSlice() {
    assertThat(
            PrivacySlices.of(
                mechanism(Sampler.ELS, 4), List.of(sample("u", "a", "b"), sample("v", "c"))))
        .containsExactly(
            QuadraticEngine.slice("a"), QuadraticEngine.slice("b"), QuadraticEngine.slice("c"));
  }

  @Test
  void aSecondRecordOfAUserIsDropped() {
    for (Sampler sampler : Sampler.values()) {
      assertThat(
              PrivacySlices.of(mechanism(sampler, 4), List.of(sample("u", "a"), sample("u", "b"))))
          .containsExactly(QuadraticEngine.slice("a"));
    }
  }

  @Test
  void noUserHasMoreThanTheGroupSize() {
    List<UserSample> samples = List.of(sample("u", "a", "b", "c"), sample("v", "d"));

    assertThat(PrivacySlices.of(mechanism(Sampler.ULS, 2), samples))
        .containsExactly(QuadraticEngine.slice("a", "b"), QuadraticEngine.slice("d"));
    assertThat(PrivacySlices.of(mechanism(Sampler.ELS, 2), samples)).hasSize(3);
  }

  @Test
  void anEmptyCohortHasNoSlices() {
    assertThat(PrivacySlices.of(mechanism(Sampler.ULS, 2), List.of())).isEmpty();
  }
}
