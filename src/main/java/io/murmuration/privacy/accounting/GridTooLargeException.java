package io.murmuration.privacy.accounting;

/** A question that needs a larger privacy loss grid than is allowed at the asked precision. */
final class GridTooLargeException extends IllegalArgumentException {

  private static final long serialVersionUID = 1L;

  GridTooLargeException(String message) {
    super(message);
  }
}
