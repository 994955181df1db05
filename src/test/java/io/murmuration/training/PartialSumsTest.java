package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.training.PartialSums.RoundSum;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.junit.jupiter.api.Test;

class PartialSumsTest {

  private static final RoundMechanism MECHANISM =
      new RoundMechanism(Sampler.ULS, 0.1, 1, 1.0, 1.0, 10);
  private static final String MODEL = "a".repeat(64);

  private final PartialSums sums = new PartialSums(/* lastEpoch= */ 0);

  private static Grant grant(long epoch, long round, long tick) {
    return new Grant(epoch, round, tick, 1, MECHANISM, 0.1, 1e-6, "00");
  }

  private static List<PartialSum> partial(
      long epoch, long round, int worker, int workers, String model, double clipNorm, long... sum) {
    ClippedSum whole =
        new ClippedSum(sum, Grids.of(1, clipNorm), /* slices= */ worker + 1, 0, 0, 0, 0, 0);
    List<PartialSum> parts = new ArrayList<>();
    PartialSum.of(epoch, round, worker, workers, model, whole).forEachRemaining(parts::add);
    return parts;
  }

  private boolean add(long epoch, long round, int worker, int workers, long... sum) {
    return partial(epoch, round, worker, workers, MODEL, 1, sum).stream().allMatch(sums::onPartial);
  }

  private void begin(long epoch, long round, long tick) {
    sums.onEpochStart(new EpochStart(epoch, 1));
    assertThat(sums.onGrant(grant(epoch, round, tick))).isTrue();
  }

  @Test
  void aRoundIsTheSumOfOnePartialOfEachWorker() {
    begin(1, 1, 5);
    assertThat(add(1, 1, 1, 2, 10, -1)).isTrue();
    assertThat(sums.onWatermark(4)).isEmpty();
    assertThat(add(1, 1, 0, 2, 1, 1)).isTrue();
    RoundSum sum = sums.onWatermark(5).get(0);
    assertThat(sum.sum().sum()).containsExactly(11, 0);
    assertThat(sum.sum().slices()).isEqualTo(3);
    assertThat(sum.sum().grid()).isEqualTo(RoundGrid.of(MECHANISM));
    assertThat(sum.modelDigest()).isEqualTo(MODEL);
    assertThat(sums.onWatermark(6)).as("a round is handed over once").isEmpty();
  }

  @Test
  void aLargeSumTravelsInChunksThatMayComeInAnyOrder() throws Exception {
    long[] large = new long[2 * PartialSum.CHUNK + 3];
    Arrays.setAll(large, i -> i - 7L);
    List<PartialSum> parts = partial(1, 1, 0, 1, MODEL, 1, large);
    assertThat(parts).hasSize(3);
    begin(1, 1, 5);
    PartialSumSerializer serializer = new PartialSumSerializer();
    for (int i = 2; i >= 0; i--) {
      DataOutputSerializer out = new DataOutputSerializer(64);
      serializer.serialize(parts.get(i), out);
      sums.onPartial(serializer.deserialize(new DataInputDeserializer(out.getCopyOfBuffer())));
    }
    RoundSum sum = sums.onWatermark(5).get(0);
    assertThat(sum.sum().sum()).isEqualTo(large);
    assertThat(sum.sum().slices()).isOne();
  }

  @Test
  void aMissingWorkerOrChunkEndsTheAttempt() {
    begin(1, 1, 5);
    add(1, 1, 0, 2, 1);
    assertThatIllegalStateException()
        .isThrownBy(() -> sums.onWatermark(5))
        .withMessageContaining("must have 1 chunks of worker 1 of 2 at its watermark but has 0");
    PartialSums none = new PartialSums(0);
    none.onEpochStart(new EpochStart(1, 1));
    none.onGrant(grant(1, 1, 5));
    assertThatIllegalStateException()
        .isThrownBy(() -> none.onWatermark(5))
        .withMessageContaining("but has none");
  }

  @Test
  void aPartialThatComesTwiceOrTooLateEndsTheAttempt() {
    begin(1, 1, 5);
    add(1, 1, 0, 1, 1);
    assertThatIllegalStateException()
        .isThrownBy(() -> add(1, 1, 0, 1, 1))
        .withMessageContaining("came twice");
    sums.onWatermark(5);
    assertThatIllegalStateException()
        .isThrownBy(() -> add(1, 1, 0, 1, 1))
        .withMessageContaining("after the round was summed up");
  }

  @Test
  void partialsThatContradictEachOtherOrTheGrantEndTheAttempt() {
    begin(1, 1, 5);
    add(1, 1, 0, 2, 1);
    for (List<PartialSum> other :
        List.of(
            partial(1, 1, 1, 3, MODEL, 1, 1),
            partial(1, 1, 1, 2, MODEL, 1, 1, 1),
            partial(1, 1, 1, 2, MODEL, 2, 1),
            partial(1, 1, 1, 2, "b".repeat(64), 1, 1))) {
      assertThatIllegalStateException()
          .isThrownBy(() -> sums.onPartial(other.get(0)))
          .withMessageContaining("must be of one number of workers, size, clip norm and model");
    }
    PartialSums another = new PartialSums(0);
    another.onEpochStart(new EpochStart(1, 1));
    another.onGrant(grant(1, 1, 5));
    another.onPartial(partial(1, 1, 0, 1, MODEL, 3, 1).get(0));
    assertThatIllegalStateException()
        .isThrownBy(() -> another.onWatermark(5))
        .withMessageContaining("must be clipped to the granted 1.0 but are to 3.0");
  }

  @Test
  void partialsMayOvertakeTheirGrantAndTheirEpoch() {
    assertThat(add(1, 1, 0, 1, 4)).isTrue();
    begin(1, 1, 5);
    assertThat(sums.onWatermark(5).get(0).sum().sum()).containsExactly(4);
  }

  @Test
  void partialsOfADeadEpochAreDropped() {
    add(1, 1, 0, 1, 4);
    sums.onEpochStart(new EpochStart(2, 1));
    assertThat(add(1, 1, 0, 1, 4)).isFalse();
    sums.onGrant(grant(2, 2, 7));
    add(2, 2, 0, 1, 5);
    assertThat(sums.onWatermark(7).get(0).sum().sum()).containsExactly(5);

    PartialSums restored = new PartialSums(/* lastEpoch= */ 3);
    assertThat(restored.onPartial(partial(3, 8, 0, 1, MODEL, 1, 1).get(0))).isFalse();
    assertThat(restored.onGrant(grant(3, 8, 20))).isFalse();
    assertThat(restored.onWatermark(20)).isEmpty();
  }
}
