package io.murmuration.training;

import java.util.concurrent.RejectedExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way from a worker's thread back to its task's. Whatever comes after the mailbox closed
 * concerns nobody: the attempt is over.
 */
final class TaskThread {

  private static final Logger LOG = LoggerFactory.getLogger(TaskThread.class);

  /** Something to do on the task's thread. */
  interface Mail {
    void run() throws Exception;
  }

  /** The task's, which refuses what comes after its end. */
  interface Mailbox {
    void execute(Mail mail, String description) throws RejectedExecutionException;
  }

  private final Mailbox mailbox;

  TaskThread(Mailbox mailbox) {
    this.mailbox = mailbox;
  }

  /** Does it on the task's thread; what it throws fails the task. */
  void run(Mail mail, String description) {
    try {
      mailbox.execute(mail, description);
    } catch (RejectedExecutionException e) {
      LOG.debug("The task ended before: {}", description, e);
    }
  }

  /** Fails the task. */
  void fail(String message, Throwable cause) {
    run(
        () -> {
          throw new IllegalStateException(message, cause);
        },
        message);
  }
}
