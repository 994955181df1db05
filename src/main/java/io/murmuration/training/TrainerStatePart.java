package io.murmuration.training;

import java.util.ArrayList;
import java.util.List;

/**
 * A {@link TrainerState} in pieces of at most 2 MB for Flink's list state: one huge array would
 * have to fit into memory twice, and cannot pass 2 GB.
 *
 * <p>Parts of a live state are views: they share its arrays, which nobody writes into, and are
 * encoded only when Flink writes them, off the task's thread. So the synchronous phase of a
 * checkpoint costs the same whatever the model's size. Parts that were read own their arrays.
 */
sealed interface TrainerStatePart {

  /** The vector that {@link TrainerState#parameters()} are. */
  int PARAMETERS = 0;

  /** The vector that {@link TrainingOrigin#frozen()} is. */
  int FROZEN = 1;

  /** The vector that {@link OptimizerState#average()} is, where one is kept. */
  int AVERAGE = 2;

  /** The first of the vectors that the optimizer's moments are. */
  int FIRST_MOMENT = 3;

  /** Elements of a slice. */
  int SLICE = 1 << 18;

  /**
   * What is not a vector, and how long the vectors are.
   *
   * @param round the last executed round
   * @param executedRounds see {@link TrainerState}
   * @param layoutDigest see {@link TrainerState}
   * @param origin sentence of {@link TrainingOrigin}
   * @param parameters elements of the parameters and of each moment
   * @param frozen elements of what is frozen
   * @param average elements of the average: none, or as many as parameters
   * @param moments number of moments
   */
  record Head(
      long round,
      long executedRounds,
      String layoutDigest,
      String origin,
      int parameters,
      int frozen,
      int average,
      int moments)
      implements TrainerStatePart {}

  /**
   * Some of a vector of floats.
   *
   * @param vector which
   * @param from index of the first element in the vector
   * @param source array that holds the elements
   * @param offset index of the first element in the source
   * @param count of elements
   */
  record Floats(int vector, int from, float[] source, int offset, int count)
      implements TrainerStatePart {}

  /** Some of a vector of doubles, as {@link Floats}. */
  record Doubles(int vector, int from, double[] source, int offset, int count)
      implements TrainerStatePart {}

  /** All parts of a state, sharing its arrays. */
  static List<TrainerStatePart> of(TrainerState state) {
    List<double[]> moments = state.optimizer().moments();
    double[] average = state.optimizer().average();
    float[] frozen = state.origin().frozen();
    List<TrainerStatePart> parts = new ArrayList<>();
    parts.add(
        new Head(
            state.round(),
            state.executedRounds(),
            state.layoutDigest(),
            state.origin().sentence(),
            state.parameters().length,
            frozen.length,
            average == null ? 0 : average.length,
            moments.size()));
    addSlices(parts, PARAMETERS, state.parameters());
    addSlices(parts, FROZEN, frozen);
    if (average != null) {
      addSlices(parts, AVERAGE, average);
    }
    for (int m = 0; m < moments.size(); m++) {
      addSlices(parts, FIRST_MOMENT + m, moments.get(m));
    }
    return parts;
  }

  private static void addSlices(List<TrainerStatePart> parts, int vector, double[] values) {
    for (int from = 0; from < values.length; from += SLICE) {
      parts.add(new Doubles(vector, from, values, from, Math.min(SLICE, values.length - from)));
    }
  }

  private static void addSlices(List<TrainerStatePart> parts, int vector, float[] values) {
    for (int from = 0; from < values.length; from += SLICE) {
      parts.add(new Floats(vector, from, values, from, Math.min(SLICE, values.length - from)));
    }
  }

  /**
   * The state that the parts are of, in any order.
   *
   * @throws IllegalArgumentException if a part is missing, doubled or of another state
   */
  static TrainerState assemble(Iterable<TrainerStatePart> parts) {
    Head head = null;
    for (TrainerStatePart part : parts) {
      if (part instanceof Head found) {
        require(head == null, "more than one head");
        head = found;
      }
    }
    require(head != null, "no head");
    float[] parameters = new float[head.parameters()];
    float[] frozen = new float[head.frozen()];
    double[] average = head.average() == 0 ? null : new double[head.average()];
    List<double[]> moments = new ArrayList<>();
    for (int m = 0; m < head.moments(); m++) {
      moments.add(new double[head.parameters()]);
    }
    Coverage coverage = new Coverage(head);
    for (TrainerStatePart part : parts) {
      if (part instanceof Floats slice) {
        coverage.add(slice.vector(), slice.from(), slice.count(), /* doubles= */ false);
        System.arraycopy(
            slice.source(),
            slice.offset(),
            slice.vector() == PARAMETERS ? parameters : frozen,
            slice.from(),
            slice.count());
      } else if (part instanceof Doubles slice) {
        coverage.add(slice.vector(), slice.from(), slice.count(), /* doubles= */ true);
        System.arraycopy(
            slice.source(),
            slice.offset(),
            slice.vector() == AVERAGE ? average : moments.get(slice.vector() - FIRST_MOMENT),
            slice.from(),
            slice.count());
      }
    }
    coverage.requireWhole();
    return new TrainerState(
        head.round(),
        head.executedRounds(),
        parameters,
        new OptimizerState(moments, average),
        head.layoutDigest(),
        new TrainingOrigin(head.origin(), frozen));
  }

  private static void require(boolean condition, String found) {
    if (!condition) {
      throw new IllegalArgumentException(
          "the trainer's state must consist of one head and every slice of its vectors once but has %s; restore from another checkpoint"
              .formatted(found));
    }
  }

  /** Which slices have been seen. */
  final class Coverage {

    private final Head head;
    private final boolean[][] seen;

    private Coverage(Head head) {
      this.head = head;
      this.seen = new boolean[FIRST_MOMENT + head.moments()][];
      for (int vector = 0; vector < seen.length; vector++) {
        seen[vector] = new boolean[(length(vector) + SLICE - 1) / SLICE];
      }
    }

    private int length(int vector) {
      return switch (vector) {
        case FROZEN -> head.frozen();
        case AVERAGE -> head.average();
        default -> head.parameters();
      };
    }

    private void add(int vector, int from, int count, boolean doubles) {
      String slice = "a slice of vector %d from element %d".formatted(vector, from);
      require(vector >= 0 && vector < seen.length, slice + ", a vector that it has not");
      require(doubles == vector >= AVERAGE, slice + " of another type of number");
      require(
          from >= 0
              && from % SLICE == 0
              && from < length(vector)
              && count == Math.min(SLICE, length(vector) - from),
          slice + " of " + count + " elements");
      require(!seen[vector][from / SLICE], slice + " twice");
      seen[vector][from / SLICE] = true;
    }

    private void requireWhole() {
      for (int vector = 0; vector < seen.length; vector++) {
        for (int i = 0; i < seen[vector].length; i++) {
          require(seen[vector][i], "no slice of vector %d from %d".formatted(vector, i * SLICE));
        }
      }
    }
  }
}
