package io.murmuration.privacy.mechanism;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class CorrelatedNoiseTest {

  private static final String KEY = "0123456789abcdef";
  private static final CorrelatedNoise NOISE = new CorrelatedNoise(List.of(52428, 39321), KEY);

  private static RoundMechanism mechanism(double q, CorrelatedNoise noise) {
    return new RoundMechanism(Sampler.ULS, q, 4, 2, 0.5, 16, RoundQuery.UPDATE, noise);
  }

  @Test
  void refusesCoefficientsThatDoNotCoverAUsersPart() {
    // the squares add up to 2^32 exactly
    assertThat(new CorrelatedNoise(List.of(65535, 362, 5, 1, 1), KEY).bands()).isEqualTo(5);

    assertThatThrownBy(() -> new CorrelatedNoise(List.of(65535, 362, 5, 2, 1), KEY))
        .hasMessageContaining("their squares at most 2^32 in sum")
        .hasMessageContaining("the sum 4294967299");
    assertThatThrownBy(() -> new CorrelatedNoise(List.of(0, 0), KEY))
        .hasMessageContaining("the first positive")
        .hasMessageContaining("but the first is 0");
  }

  @Test
  void refusesCoefficientsUnderWhichNoiseMayGrow() {
    assertThatThrownBy(() -> new CorrelatedNoise(List.of(100, 101), KEY))
        .hasMessageContaining("never rise");
    assertThatThrownBy(() -> new CorrelatedNoise(List.of(100, -1), KEY))
        .hasMessageContaining("from 0 to 2^16");
    assertThatThrownBy(() -> new CorrelatedNoise(List.of((1 << 16) + 1, 0), KEY))
        .hasMessageContaining("from 0 to 2^16");
    // never forgets: a round with it would be charged, and its noise could not be added
    assertThatThrownBy(() -> new CorrelatedNoise(List.of(46340, 46340), KEY))
        .hasMessageContaining("noise must not grow from round to round");
  }

  @Test
  void refusesNumbersOfBandsThatAreNone() {
    assertThatThrownBy(() -> new CorrelatedNoise(List.of(1 << 16), KEY))
        .hasMessage("correlated noise must have from 2 to 64 coefficients but has 1");
    assertThatThrownBy(() -> new CorrelatedNoise(Collections.nCopies(65, 1), KEY))
        .hasMessageContaining("has 65");
    assertThatThrownBy(() -> new CorrelatedNoise(List.of(49152, 16384), "key"))
        .hasMessageContaining("16 hexadecimal digits but is key");
  }

  @Test
  void everyTurnComesOnceInACycle_andEachUserHasOne() {
    CorrelatedNoise noise = new CorrelatedNoise(List.of(49152, 32768, 16384), KEY);

    assertThat(List.of(noise.turnIn(0), noise.turnIn(1), noise.turnIn(2), noise.turnIn(3)))
        .containsExactly(0, 1, 2, 0);
    // as unsigned numbers: 2^64 − 1 is a multiple of 3
    assertThat(List.of(noise.turnOf(0), noise.turnOf(7), noise.turnOf(-1), noise.turnOf(-2)))
        .containsExactly(0, 1, 0, 2);
  }

  @Test
  void aUserIsDrawnInTurnAndAccountedForSo() {
    RoundMechanism correlated = mechanism(0.125, NOISE);

    assertThat(correlated.probabilityInTurn()).isEqualTo(0.25);
    assertThat(correlated.accounted()).isEqualTo(Mechanism.inTurns(Mechanism.uls(0.25, 2), 2));
    assertThat(mechanism(0.125, null).accounted()).isEqualTo(Mechanism.uls(0.125, 2));
    assertThatThrownBy(() -> mechanism(0.51, NOISE))
        .hasMessageContaining("needs a sampling probability of at most 0.5")
        .hasMessageContaining("but it is 0.51");
    assertThat(mechanism(0.5, NOISE).probabilityInTurn()).isEqualTo(1);
  }

  @Test
  void calibrationsHaveIndependentNoise() {
    assertThatThrownBy(
            () ->
                new RoundMechanism(
                    Sampler.ULS, 0.1, 1, 1, 1, 1, new CountHistogram(List.of(1, 2)), NOISE))
        .hasMessageContaining("a calibration must have independent noise");
  }

  @Test
  void whateverElseChangesTheCorrelationStays() {
    RoundMechanism correlated = mechanism(0.125, NOISE);

    assertThat(correlated.withClipNorm(7).correlatedNoise()).isEqualTo(NOISE);
    assertThat(correlated.withNoiseMultiplier(7).correlatedNoise()).isEqualTo(NOISE);
  }

  @Test
  void coefficientsComeOutOfASearch_bandsAndKeyDoNot() {
    RoundMechanism one = mechanism(0.125, NOISE);
    RoundMechanism found = mechanism(0.125, new CorrelatedNoise(List.of(52427, 39322), KEY));
    RoundMechanism wider = mechanism(0.125, new CorrelatedNoise(List.of(49152, 32768, 16384), KEY));
    RoundMechanism elsewhere =
        mechanism(0.125, new CorrelatedNoise(NOISE.numerators(), "f".repeat(16)));

    assertThat(one.differsInCoefficientsOnly(found)).isTrue();
    assertThat(one.differsInCalibrationOnly(found)).isTrue();
    assertThat(one.differsInCalibrationOnly(found.withNoiseMultiplier(2.0005))).isTrue();
    assertThat(one.differsInCoefficientsOnly(found.withNoiseMultiplier(2.0005))).isFalse();
    for (RoundMechanism other : List.of(wider, elsewhere, mechanism(0.125, null))) {
      assertThat(one.differsInCoefficientsOnly(other)).isFalse();
      assertThat(one.differsInCalibrationOnly(other)).isFalse();
      assertThat(other.differsInCalibrationOnly(one)).isFalse();
    }
  }

  @Test
  void itsJsonIsPinned_andOfIndependentNoiseAsItWas() throws Exception {
    assertThat(json(mechanism(0.125, NOISE)))
        .isEqualTo(
            "{\"sampler\":\"ULS\",\"sampling_probability\":0.125,\"group_size\":4,"
                + "\"noise_multiplier\":2.0,\"clip_norm\":0.5,\"expected_units\":16.0,"
                + "\"correlated_noise\":{\"coefficients\":[52428,39321],"
                + "\"turn_key\":\"0123456789abcdef\"}}");
    assertThat(json(mechanism(0.125, null)))
        .isEqualTo(
            "{\"sampler\":\"ULS\",\"sampling_probability\":0.125,\"group_size\":4,"
                + "\"noise_multiplier\":2.0,\"clip_norm\":0.5,\"expected_units\":16.0}");
    for (CorrelatedNoise noise : new CorrelatedNoise[] {NOISE, null}) {
      assertThat(read(json(mechanism(0.125, noise)))).isEqualTo(mechanism(0.125, noise));
    }
    assertThatThrownBy(() -> read(json(mechanism(0.125, NOISE)).replace("39321]", "39323]")))
        .hasMessageContaining("squares at most 2^32");
  }

  private static String json(RoundMechanism mechanism) {
    ObjectNode node = new ObjectMapper().createObjectNode();
    MechanismJson.write(mechanism, node);
    return node.toString();
  }

  private static RoundMechanism read(String json) throws Exception {
    return MechanismJson.read(new JsonFields(new ObjectMapper().readTree(json)));
  }
}
