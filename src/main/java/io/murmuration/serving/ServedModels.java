package io.murmuration.serving;

import java.util.Optional;

/**
 * The model that answers, which is replaced at once while others use the one before: that is closed
 * when its last user is done. For any number of threads.
 *
 * @param <M> what a release became
 */
public final class ServedModels<M extends Servable> implements AutoCloseable {

  /** Guarded by this; null before the first, and when closed. */
  private Held<M> held;

  /** Guarded by this. */
  private boolean closed;

  /** A model and how many use it, this class among them. */
  private static final class Held<M extends Servable> {
    private final ServedRelease release;
    private final M model;
    private int users = 1;

    Held(ServedRelease release, M model) {
      this.release = release;
      this.model = model;
    }
  }

  /** A model that stays open until its user is done. */
  public static final class Lease<M extends Servable> implements AutoCloseable {
    private final ServedModels<M> models;
    private final Held<M> held;
    private boolean returned;

    private Lease(ServedModels<M> models, Held<M> held) {
      this.models = models;
      this.held = held;
    }

    /** Of which release it is. */
    public ServedRelease release() {
      return held.release;
    }

    /** What answers. */
    public M model() {
      return held.model;
    }

    @Override
    public void close() {
      if (!returned) {
        returned = true;
        models.release(held);
      }
    }
  }

  /** The model that answers now; empty if there is none. */
  synchronized Optional<Lease<M>> lease() {
    if (held == null) {
      return Optional.empty();
    }
    held.users++;
    return Optional.of(new Lease<>(this, held));
  }

  /**
   * Has another model answer from now on.
   *
   * @throws IllegalStateException if this was closed; the model is closed then
   */
  synchronized void replace(ServedRelease release, M model) {
    if (closed) {
      model.close();
      throw new IllegalStateException("nothing is served any more");
    }
    Held<M> before = held;
    held = new Held<>(release, model);
    if (before != null) {
      release(before);
    }
  }

  private synchronized void release(Held<M> used) {
    used.users--;
    if (used.users == 0) {
      used.model.close();
    }
  }

  /** Nothing answers any more; what is in use is closed when its users are done. */
  @Override
  public synchronized void close() {
    closed = true;
    if (held != null) {
      release(held);
      held = null;
    }
  }
}
