package io.murmuration.model;

/** A model or adapter directory is not what it claims to be, or not what this software can read. */
public final class ModelFormatException extends IllegalArgumentException {

  private static final long serialVersionUID = 1L;

  /**
   * @param message names the file, what was expected and what was found
   */
  public ModelFormatException(String message) {
    super(message);
  }

  public ModelFormatException(String message, Throwable cause) {
    super(message, cause);
  }
}
