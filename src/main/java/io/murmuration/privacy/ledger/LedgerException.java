package io.murmuration.privacy.ledger;

/** Why the ledger could not be read or written; each subclass is one verdict on what to do next. */
public abstract sealed class LedgerException extends Exception {

  private static final long serialVersionUID = 1L;

  private LedgerException(String message, Throwable cause) {
    super(message, cause);
  }

  /**
   * The ledger cannot be reached now, or did not answer in time. What was being written may or may
   * not have been: close it, open it again after a while, and read what became of it.
   */
  public static final class Unavailable extends LedgerException {
    private static final long serialVersionUID = 1L;

    public Unavailable(String message) {
      super(message, null);
    }

    public Unavailable(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** Another holder opened the ledger later: this one will never write to it again. */
  public static final class Fenced extends LedgerException {
    private static final long serialVersionUID = 1L;

    public Fenced(String message) {
      super(message, null);
    }

    public Fenced(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /**
   * The ledger is damaged, belongs to something else, or contradicts the configuration: nothing may
   * be charged until a person has looked at it. Trying again does not help.
   */
  public static final class Refused extends LedgerException {
    private static final long serialVersionUID = 1L;

    public Refused(String message) {
      super(message, null);
    }

    public Refused(String message, Throwable cause) {
      super(message, cause);
    }
  }
}
