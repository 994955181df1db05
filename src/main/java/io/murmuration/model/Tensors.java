package io.murmuration.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.nn.core.Embedding;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Supplier;

/**
 * Array operations that are safe under autograd, see the package documentation, and that leave
 * nothing behind: neither Java buffers that wait for the garbage collector, nor intermediate
 * results.
 */
public final class Tensors {

  /** Bytes of an array that are addressed at a time: a buffer's limit is below 2 GB. */
  private static final int PIECE_BYTES = 1 << 26;

  private Tensors() {}

  /** Writes part of an array's values. */
  interface Writer {

    /**
     * Writes the elements from {@code first} on, until the target is full.
     *
     * @param target torch memory in the byte order of the machine
     */
    void write(long first, ByteBuffer target) throws IOException;
  }

  /** Reads part of an array's values: from element {@code first} on, until the source is empty. */
  interface Reader {
    void read(long first, ByteBuffer source) throws IOException;
  }

  /** Copies values into torch memory. */
  public static NDArray floats(NDManager manager, float[] values, long... shape) {
    return filled(
        manager,
        new Shape(shape),
        DataType.FLOAT32,
        (first, target) -> target.asFloatBuffer().put(values, (int) first, target.remaining() / 4));
  }

  /** Copies values into torch memory. */
  public static NDArray doubles(NDManager manager, double[] values, long... shape) {
    return filled(
        manager,
        new Shape(shape),
        DataType.FLOAT64,
        (first, target) ->
            target.asDoubleBuffer().put(values, (int) first, target.remaining() / 8));
  }

  /** Copies values into torch memory. */
  public static NDArray longs(NDManager manager, long[] values, long... shape) {
    return filled(
        manager,
        new Shape(shape),
        DataType.INT64,
        (first, target) -> target.asLongBuffer().put(values, (int) first, target.remaining() / 8));
  }

  private static NDArray filled(NDManager manager, Shape shape, DataType type, Writer values) {
    try {
      return create(manager, shape, type, values);
    } catch (IOException e) {
      throw new IllegalStateException("arrays of Java are copied without input", e);
    }
  }

  /**
   * An array whose memory is written in place, piece by piece.
   *
   * @throws IOException if the writer throws it
   */
  static NDArray create(NDManager manager, Shape shape, DataType type, Writer values)
      throws IOException {
    NDArray array = manager.create(shape, type, Device.cpu());
    try {
      pieces(array, values::write);
      return manager.getDevice().equals(Device.cpu()) ? array : moved(array, manager.getDevice());
    } catch (IOException | RuntimeException e) {
      array.close();
      throw e;
    }
  }

  private static NDArray moved(NDArray array, Device device) {
    try (array) {
      return array.toDevice(device, true);
    }
  }

  /** The values of a float32 array. */
  public static float[] floats(NDArray array) {
    float[] values = new float[Math.toIntExact(array.size())];
    try {
      read(
          array,
          (first, source) ->
              source.asFloatBuffer().get(values, (int) first, source.remaining() / Float.BYTES));
    } catch (IOException e) {
      throw new IllegalStateException("arrays of Java are filled without output", e);
    }
    return values;
  }

  /** Reads an array's values, piece by piece. */
  static void read(NDArray array, Reader reader) throws IOException {
    try (NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      pieces(array.toDevice(Device.cpu(), false), reader::read);
    }
  }

  /** The memory of an array on the CPU, in pieces. */
  private static void pieces(NDArray array, Reader piece) throws IOException {
    long size = array.size();
    if (size == 0) {
      return;
    }
    int step = PIECE_BYTES / array.getDataType().getNumOfBytes();
    if (size <= step) {
      piece.read(0, memory(array));
      return;
    }
    try (NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      NDArray flat = array.reshape(-1);
      for (long first = 0; first < size; first += step) {
        long end = Math.min(first + step, size);
        piece.read(first, memory(flat.get(new NDIndex("{}:{}", first, end))));
      }
    }
  }

  private static ByteBuffer memory(NDArray array) {
    return array.toByteBuffer(/* tryDirect= */ true).order(ByteOrder.nativeOrder());
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

  /**
   * The result of a computation alone: what else was made on the way is closed, so that memory is
   * free again unless autograd holds it. Without this every intermediate result lives until the
   * step ends.
   */
  static NDArray alone(Supplier<NDArray> computation) {
    NDArray result;
    try (NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      result = computation.get();
      NDScope.unregister(result);
    }
    NDScope.register(result);
    return result;
  }
}
