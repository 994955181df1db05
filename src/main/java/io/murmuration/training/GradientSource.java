package io.murmuration.training;

import java.io.Serializable;

/** A worker's base model, on which gradients are taken. Used by one thread at a time. */
public interface GradientSource extends AutoCloseable {

  /**
   * The engine for what is trained on the base model.
   *
   * @param frozen what belongs to it and is not trained, as {@link TrainingOrigin#frozen} has it
   */
  GradientEngine engine(float[] frozen);

  /**
   * What tells a fault of this machine from one of a user, on public text.
   *
   * @param engine the one that was made last
   */
  PublicWatch watch(GradientEngine engine);

  /** Frees the model and every engine on it. */
  @Override
  void close();

  /** Opens a source on the task manager. */
  interface Factory extends Serializable {

    /**
     * Loads the base model, which may take seconds.
     *
     * @throws IllegalArgumentException if what is configured does not fit: no restart would mend it
     * @throws RuntimeException naming file and fault if the model cannot be loaded now
     */
    GradientSource open();
  }
}
