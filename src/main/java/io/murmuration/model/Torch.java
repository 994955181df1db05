package io.murmuration.model;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/**
 * What the tensor library's engine can do and its common interface does not say: the grad mode of a
 * thread, a backward pass without the library's collector (of which only one may exist in a JVM),
 * and the number of threads.
 */
public final class Torch {

  private Torch() {}

  /** Restores the grad mode that a thread had. */
  public interface GradMode extends AutoCloseable {

    @Override
    void close();
  }

  /** The engine, whose library this loads if nobody has yet. */
  static Engine engine() {
    return Engine.getEngine("PyTorch");
  }

  /** This thread's operations are not recorded for gradients until the result is closed. */
  public static GradMode withoutGradients() {
    return gradMode(false);
  }

  /** This thread's operations are recorded for gradients until the result is closed. */
  public static GradMode withGradients() {
    return gradMode(true);
  }

  private static GradMode gradMode(boolean recorded) {
    boolean before = JniUtils.isGradMode();
    JniUtils.setGradMode(recorded);
    return () -> JniUtils.setGradMode(before);
  }

  /**
   * Adds to the gradient of every leaf that an array was computed from, and frees the record of the
   * computation.
   *
   * @param array of any shape
   * @param gradient by which the result is weighted, in the shape of the array
   */
  static void backward(NDArray array, NDArray gradient) {
    JniUtils.backward((PtNDArray) array, (PtNDArray) gradient, false, false);
  }

  /**
   * Sets how many threads one operation uses, for all threads that compute from now on: one number
   * for the whole JVM.
   *
   * @param threads at least 1
   */
  public static void useThreads(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("threads must be at least 1, given " + threads);
    }
    engine(); // loads the library, which sets its own number
    JniUtils.setNumThreads(threads);
  }

  /** How many threads one operation uses, seen from this thread. */
  public static int threads() {
    return JniUtils.getNumThreads();
  }
}
