package io.murmuration.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.nn.core.Embedding;

/** Array operations that are safe under autograd, see the package documentation. */
public final class Tensors {

  private Tensors() {}

  /** Copies values into torch memory. */
  public static NDArray floats(NDManager manager, float[] values, long... shape) {
    try (NDArray overJavaMemory = manager.create(values, new Shape(shape))) {
      return overJavaMemory.duplicate();
    }
  }

  /** Copies values into torch memory. */
  public static NDArray doubles(NDManager manager, double[] values, long... shape) {
    try (NDArray overJavaMemory = manager.create(values, new Shape(shape))) {
      return overJavaMemory.duplicate();
    }
  }

  /** Copies values into torch memory. */
  public static NDArray longs(NDManager manager, long[] values, long... shape) {
    try (NDArray overJavaMemory = manager.create(values, new Shape(shape))) {
      return overJavaMemory.duplicate();
    }
  }

  /** A constant in torch memory, to multiply or divide by. */
  public static NDArray scalar(NDManager manager, double value) {
    return manager.full(new Shape(), (float) value);
  }

  /**
   * Rows of a matrix, differentiable in the matrix.
   *
   * @param table (rows, width)
   * @param index any shape, int64
   * @return (index shape, width)
   */
  public static NDArray rows(NDArray table, NDArray index) {
    return Embedding.embedding(index, table, SparseFormat.DENSE).singletonOrThrow();
  }
}
