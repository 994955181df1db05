package io.murmuration.model;

import ai.djl.engine.Engine;
import ai.djl.pytorch.jni.JniUtils;

/** How many threads the tensor library uses for one operation: one number for the whole JVM. */
public final class TorchThreads {

  private TorchThreads() {}

  /**
   * Sets the number for all threads that compute from now on.
   *
   * @param threads at least 1
   */
  public static void use(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("threads must be at least 1, given " + threads);
    }
    Engine.getEngine("PyTorch"); // loads the library, which sets its own number
    JniUtils.setNumThreads(threads);
  }

  /** The number in force on this thread. */
  public static int inUse() {
    return JniUtils.getNumThreads();
  }
}
