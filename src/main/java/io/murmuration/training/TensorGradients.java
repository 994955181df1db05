package io.murmuration.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The gradients of a micro-batch as they lie in the tensor library's memory, read without a copy on
 * the Java heap. Valid as long as the tensors are.
 */
final class TensorGradients implements SliceGradients {

  /** Floats copied at a time. */
  private static final int BLOCK = 1024;

  private final ParameterLayout layout;
  private final int slices;
  private final List<Rows> tensors = new ArrayList<>();
  private final float[] block = new float[BLOCK];

  /**
   * @param gradients of each tensor of the layout, (slices, size of the tensor), float32
   */
  TensorGradients(ParameterLayout layout, int slices, List<NDArray> gradients) {
    this.layout = layout;
    this.slices = slices;
    for (int i = 0; i < gradients.size(); i++) {
      tensors.add(Rows.of(gradients.get(i), slices, layout.entries().get(i).size()));
    }
  }

  /** A matrix in pieces of whole rows, since no buffer holds more than 2 GB. */
  private record Rows(List<FloatBuffer> pieces, int rowsPerPiece, int width) {

    static Rows of(NDArray matrix, int rows, int width) {
      int rowsPerPiece =
          Math.min(rows, Math.max(1, Integer.MAX_VALUE / Float.BYTES / Math.max(1, width)));
      List<FloatBuffer> pieces = new ArrayList<>();
      for (int from = 0; from < rows; from += rowsPerPiece) {
        int to = Math.min(rows, from + rowsPerPiece);
        NDArray piece = rowsPerPiece == rows ? matrix : matrix.get(new NDIndex("{}:{}", from, to));
        pieces.add(
            piece
                .toByteBuffer(/* tryDirect= */ true)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer());
      }
      return new Rows(pieces, rowsPerPiece, width);
    }

    void get(int row, int column, float[] target, int length) {
      pieces
          .get(row / rowsPerPiece)
          .get(row % rowsPerPiece * width + column, target, /* offset= */ 0, length);
    }
  }

  @Override
  public int slices() {
    return slices;
  }

  @Override
  public void read(int slice, int offset, int length, double[] target) {
    int tensor = tensorOf(offset);
    int done = 0;
    while (done < length) {
      ParameterLayout.Entry entry = layout.entries().get(tensor);
      int column = offset + done - entry.offset();
      int count = Math.min(Math.min(BLOCK, length - done), entry.size() - column);
      tensors.get(tensor).get(slice, column, block, count);
      for (int i = 0; i < count; i++) {
        target[done + i] = block[i];
      }
      done += count;
      if (column + count == entry.size()) {
        tensor++;
      }
    }
  }

  /**
   * The squared norm of each slice. Squares of float32 values cannot overflow in float64, and no
   * order of addition rounds by more than {@link SliceClipping#ROUNDING_MARGIN} allows.
   */
  double[] squaredNorms() {
    double[] squaredNorms = new double[slices];
    for (int tensor = 0; tensor < tensors.size(); tensor++) {
      int width = layout.entries().get(tensor).size();
      for (int s = 0; s < slices; s++) {
        for (int column = 0; column < width; column += BLOCK) {
          int count = Math.min(BLOCK, width - column);
          tensors.get(tensor).get(s, column, block, count);
          squaredNorms[s] += squares(block, count);
        }
      }
    }
    return squaredNorms;
  }

  /** In four sums side by side: one alone would wait for each addition before the next. */
  private static double squares(float[] values, int count) {
    double first = 0;
    double second = 0;
    double third = 0;
    double fourth = 0;
    int i = 0;
    for (; i + 3 < count; i += 4) {
      double a = values[i];
      double b = values[i + 1];
      double c = values[i + 2];
      double d = values[i + 3];
      first += a * a;
      second += b * b;
      third += c * c;
      fourth += d * d;
    }
    for (; i < count; i++) {
      first += (double) values[i] * values[i];
    }
    return first + second + (third + fourth);
  }

  /** The tensor that holds a coordinate. */
  private int tensorOf(int coordinate) {
    int low = 0;
    int high = layout.entries().size() - 1;
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (layout.entries().get(middle).offset() <= coordinate) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }
}
