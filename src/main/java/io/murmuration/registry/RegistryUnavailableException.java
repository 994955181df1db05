package io.murmuration.registry;

import java.io.IOException;

/** A registry did not answer, or not as a registry does: another try may succeed. */
public final class RegistryUnavailableException extends IOException {

  private static final long serialVersionUID = 1L;

  public RegistryUnavailableException(String message) {
    super(message);
  }

  public RegistryUnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
