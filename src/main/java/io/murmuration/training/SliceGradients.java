package io.murmuration.training;

import java.util.List;

/** Gradients of several slices, read coordinate by coordinate. */
interface SliceGradients {

  /** How many slices there are. */
  int slices();

  /**
   * Copies a part of one slice's gradient.
   *
   * @param slice from 0
   * @param offset the first coordinate
   * @param length how many coordinates, at most as many as {@code target} holds
   */
  void read(int slice, int offset, int length, double[] target);

  /** The gradient of one slice. */
  static SliceGradients of(double[] gradient) {
    return of(List.of(gradient));
  }

  /** Gradients of one length each. */
  static SliceGradients of(List<double[]> gradients) {
    return new SliceGradients() {
      @Override
      public int slices() {
        return gradients.size();
      }

      @Override
      public void read(int slice, int offset, int length, double[] target) {
        System.arraycopy(gradients.get(slice), offset, target, 0, length);
      }
    };
  }
}
