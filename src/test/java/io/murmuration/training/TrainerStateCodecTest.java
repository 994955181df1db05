package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TrainerStateCodecTest {

  private static final int BODY_BYTES = 1000;
  private static final String LAYOUT_DIGEST =
      ParameterLayout.of(List.of("weight"), List.of(new long[] {20_001})).digest();

  /** Written by the first release: rounds 12 and 11, two parameters, two moments; no layout. */
  private static final String FORMAT_1 =
      "4d55524d000000010000000000000001000000000000000c000000000000000b00000002000000023fc00000"
          + "be8000003fb999999999999ac0000000000000003e112e0be826d69540080000000000003989ab6196b7"
          + "e61ffe651af73b38fd7603f0804938b46d83068d0764bc608ab7";

  /** The same by the release after it, of a layout, without an average of the iterates. */
  private static final String FORMAT_2 =
      "4d55524d0000000200000000000000010040643932373130653064653565316534346531303433663161"
          + "663030353631386439353062363932396634666233386536643534386635333535646633366430300000"
          + "00000000000c000000000000000b00000002000000023fc00000be8000003fb999999999999ac0000000"
          + "000000003e112e0be826d6954008000000000000f3be2750015bddb569fc8186d70c3e782273d2e43c29"
          + "f4671fff3eee81355e04";

  private final TrainerStateCodec codec = new TrainerStateCodec();
  private final OldTrainerState old = new OldTrainerState(BODY_BYTES);
  private TrainerState state;
  private List<byte[]> chunks;

  @BeforeEach
  void encode() {
    state = state(20_001);
    chunks = new ArrayList<>(old.encode(state));
  }

  private static TrainerState state(int size) {
    Random random = new Random(size);
    float[] parameters = new float[size];
    double[] first = new double[size];
    double[] second = new double[size];
    for (int i = 0; i < size; i++) {
      parameters[i] = (float) random.nextGaussian();
      first[i] = random.nextGaussian();
      second[i] = random.nextDouble() * Double.MIN_NORMAL;
    }
    double[] average = second.clone();
    return new TrainerState(
        12,
        11,
        parameters,
        new OptimizerState(List.of(first, second), average),
        LAYOUT_DIGEST,
        TrainingOrigin.UNKNOWN);
  }

  private static void assertSame(TrainerState found, TrainerState expected) {
    assertThat(found.round()).isEqualTo(expected.round());
    assertThat(found.executedRounds()).isEqualTo(expected.executedRounds());
    assertThat(found.parameters()).isEqualTo(expected.parameters());
    assertThat(found.layoutDigest()).isEqualTo(expected.layoutDigest());
    assertThat(found.optimizer().moments()).hasSize(expected.optimizer().moments().size());
    assertThat(found.optimizer().average()).isEqualTo(expected.optimizer().average());
    for (int i = 0; i < expected.optimizer().moments().size(); i++) {
      assertThat(found.optimizer().moments().get(i))
          .isEqualTo(expected.optimizer().moments().get(i));
    }
  }

  @Test
  void restoresEveryBit() {
    assertSame(codec.decode(chunks), state);
    assertThat(chunks).hasSizeGreaterThan(300).allMatch(chunk -> chunk.length <= BODY_BYTES + 16);
  }

  @Test
  void restoresFromChunksInAnyOrder() {
    Collections.shuffle(chunks, new Random(1));

    assertSame(codec.decode(chunks), state);
  }

  @Test
  void holdsAStateWithoutMomentsOrParameters() {
    TrainerState empty =
        new TrainerState(
            0,
            0,
            new float[0],
            new OptimizerState(List.of()),
            LAYOUT_DIGEST,
            TrainingOrigin.UNKNOWN);

    assertSame(codec.decode(old.encode(empty)), empty);
  }

  @Test
  void readsTheFirstFormatWhichKnowsNoLayout() {
    TrainerState found = codec.decode(List.of(HexFormat.of().parseHex(FORMAT_1)));

    assertSame(
        found,
        new TrainerState(
            12,
            11,
            new float[] {1.5f, -0.25f},
            new OptimizerState(List.of(new double[] {0.1, -2}, new double[] {1e-9, 3})),
            TrainerState.UNKNOWN_LAYOUT,
            TrainingOrigin.UNKNOWN));
  }

  @Test
  void readsTheSecondFormatWhichKnowsNoAverage() {
    TrainerState found = codec.decode(List.of(HexFormat.of().parseHex(FORMAT_2)));

    assertSame(
        found,
        new TrainerState(
            12,
            11,
            new float[] {1.5f, -0.25f},
            new OptimizerState(List.of(new double[] {0.1, -2}, new double[] {1e-9, 3})),
            ParameterLayout.of(List.of("weight"), List.of(new long[] {2})).digest(),
            TrainingOrigin.UNKNOWN));
  }

  @Test
  void noticesDamageInTheFirstFormat() {
    byte[] chunk = HexFormat.of().parseHex(FORMAT_1);
    chunk[45] ^= 1;

    assertThatThrownBy(() -> codec.decode(List.of(chunk)))
        .hasMessageContaining("SHA-256 does not match");
  }

  @Test
  void noticesEveryLostChunk() {
    for (int lost : new int[] {0, 7, chunks.size() - 1}) {
      List<byte[]> fewer = new ArrayList<>(chunks);
      fewer.remove(lost);
      assertThatThrownBy(() -> codec.decode(fewer))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("every chunk once");
    }
    assertThatThrownBy(() -> codec.decode(List.of())).hasMessageContaining("no chunk");
  }

  @Test
  void noticesADamagedChunk() {
    chunks.get(5)[500] ^= 1;

    assertThatThrownBy(() -> codec.decode(chunks))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("SHA-256 does not match");
  }

  @Test
  void noticesAChunkOfAnotherSnapshot() {
    chunks.set(3, old.encode(state(20_002)).get(3));

    assertThatThrownBy(() -> codec.decode(chunks)).hasMessageContaining("damaged");
  }

  @Test
  void refusesALaterFormat() {
    chunks.get(0)[7] = 4;

    assertThatThrownBy(() -> codec.decode(chunks))
        .hasMessageContaining("format version 4 but this release reads versions 1 to 3");
  }

  @Test
  void refusesChunksOfTwoFormats() {
    chunks.get(4)[7] = 1;

    assertThatThrownBy(() -> codec.decode(chunks)).hasMessageContaining("must be of one format");
  }
}
