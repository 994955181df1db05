package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.training.TrainerStatePart.Doubles;
import io.murmuration.training.TrainerStatePart.Floats;
import io.murmuration.training.TrainerStatePart.Head;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.junit.jupiter.api.Test;

class TrainerStatePartTest {

  private static final int SIZE = 2 * TrainerStatePart.SLICE + 7;

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
    return new TrainerState(
        12,
        11,
        parameters,
        new OptimizerState(List.of(first, second), first.clone()),
        "ab",
        new TrainingOrigin("Training began at é.", new float[] {1.5f, Float.MIN_VALUE}));
  }

  /** What a checkpoint and a restore make of it. */
  static TrainerState throughState(TrainerState state) {
    List<TrainerStatePart> read = new ArrayList<>();
    for (TrainerStatePart part : TrainerStatePart.of(state)) {
      read.add(throughBytes(part));
    }
    return TrainerStatePart.assemble(read);
  }

  private static TrainerStatePart throughBytes(TrainerStatePart part) {
    try {
      return new TrainerStatePartSerializer().deserialize(new DataInputDeserializer(bytes(part)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] bytes(TrainerStatePart part) throws IOException {
    DataOutputSerializer out = new DataOutputSerializer(1024);
    new TrainerStatePartSerializer().serialize(part, out);
    return out.getCopyOfBuffer();
  }

  private static void assertSame(TrainerState found, TrainerState expected) {
    assertThat(found.round()).isEqualTo(expected.round());
    assertThat(found.executedRounds()).isEqualTo(expected.executedRounds());
    assertThat(found.parameters()).isEqualTo(expected.parameters());
    assertThat(found.layoutDigest()).isEqualTo(expected.layoutDigest());
    assertThat(found.origin()).isEqualTo(expected.origin());
    assertThat(found.optimizer().average()).isEqualTo(expected.optimizer().average());
    assertThat(found.optimizer().moments()).hasSameSizeAs(expected.optimizer().moments());
    for (int i = 0; i < expected.optimizer().moments().size(); i++) {
      assertThat(found.optimizer().moments().get(i))
          .isEqualTo(expected.optimizer().moments().get(i));
    }
  }

  @Test
  void restoresEveryBit() {
    for (int size : new int[] {1, TrainerStatePart.SLICE, SIZE}) {
      TrainerState state = state(size);
      assertSame(throughState(state), state);
    }
  }

  @Test
  void holdsAStateWithoutMomentsAndAverage() {
    TrainerState plain =
        new TrainerState(
            0, 0, new float[3], new OptimizerState(List.of()), "ab", TrainingOrigin.UNKNOWN);
    assertSame(throughState(plain), plain);
  }

  @Test
  void partsOfALiveStateAreViews() {
    TrainerState state = state(SIZE);
    List<TrainerStatePart> parts = TrainerStatePart.of(state);

    assertThat(parts).hasSize(1 + 3 + 1 + 3 + 2 * 3);
    for (TrainerStatePart part : parts) {
      if (part instanceof Floats slice) {
        assertThat(slice.source()).isIn(state.parameters(), state.origin().frozen());
      } else if (part instanceof Doubles slice) {
        int moment = slice.vector() - TrainerStatePart.FIRST_MOMENT;
        assertThat(slice.source())
            .isSameAs(
                moment < 0 ? state.optimizer().average() : state.optimizer().moments().get(moment));
      }
      assertThat(new TrainerStatePartSerializer().copy(part)).isSameAs(part);
    }
  }

  @Test
  void theOrderOfPartsDoesNotMatter() {
    TrainerState state = state(SIZE);
    List<TrainerStatePart> parts = new ArrayList<>(TrainerStatePart.of(state));
    Collections.shuffle(parts, new Random(1));
    assertSame(TrainerStatePart.assemble(parts), state);
  }

  @Test
  void noticesEveryLostAndEveryDoubledPart() {
    List<TrainerStatePart> parts = TrainerStatePart.of(state(SIZE));
    for (int i = 0; i < parts.size(); i++) {
      List<TrainerStatePart> fewer = new ArrayList<>(parts);
      fewer.remove(i);
      assertRefused(fewer, i == 0 ? "no head" : "no slice of vector");
      List<TrainerStatePart> more = new ArrayList<>(parts);
      more.add(parts.get(i));
      assertRefused(more, i == 0 ? "more than one head" : "twice");
    }
    assertRefused(List.of(), "no head");
  }

  @Test
  void noticesSlicesOfAnotherState() {
    List<TrainerStatePart> parts = new ArrayList<>(TrainerStatePart.of(state(SIZE)));
    Head head = (Head) parts.get(0);
    Head shorter = new Head(12, 11, "ab", "", SIZE - 1, head.frozen(), SIZE - 1, head.moments());
    parts.set(0, shorter);
    assertRefused(parts, "of 7 elements");
    parts.set(0, new Head(12, 11, "ab", "", SIZE, head.frozen(), SIZE, 1));
    assertRefused(parts, "a vector that it has not");
    parts.set(0, head);
    parts.add(new Floats(TrainerStatePart.FIRST_MOMENT, 0, new float[7], 0, 7));
    assertRefused(parts, "of another type of number");
  }

  private static void assertRefused(List<TrainerStatePart> parts, String found) {
    assertThatThrownBy(() -> TrainerStatePart.assemble(parts))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("one head and every slice of its vectors once")
        .hasMessageContaining(found)
        .hasMessageContaining("restore from another checkpoint");
  }

  @Test
  void noticesADamagedSlice() throws IOException {
    for (TrainerStatePart part : TrainerStatePart.of(state(1000)).subList(1, 4)) {
      byte[] damaged = bytes(part);
      damaged[damaged.length / 2] ^= 1;
      assertThatThrownBy(
              () ->
                  new TrainerStatePartSerializer().deserialize(new DataInputDeserializer(damaged)))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("the trainer's state is damaged");
    }
  }
}
