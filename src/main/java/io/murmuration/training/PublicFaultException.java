package io.murmuration.training;

/**
 * The noisy model, or what it is computed with, does not work, for whatever text. It is thrown for
 * what follows from released numbers, public text and the machine alone, so that everybody may see
 * what comes of it; nothing that depends on users' texts may throw it.
 */
public final class PublicFaultException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  public PublicFaultException(String message) {
    super(message);
  }
}
