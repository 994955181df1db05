package io.murmuration.serving;

/**
 * A model failed on a prompt. Carries the kind of the failure and where it was, but no message,
 * which may quote the prompt. An error, since Flink writes the row, and so the prompt, into the
 * message of what it wraps an exception of a model in, and that into logs and the web UI.
 */
public final class ModelFailedError extends Error {

  private static final long serialVersionUID = 1L;

  /** The failure without its message. */
  public ModelFailedError(Throwable failure) {
    super("The model failed on a prompt: " + failure.getClass().getName());
    setStackTrace(failure.getStackTrace());
  }
}
