package io.murmuration.terminal;

import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.function.Predicate;

/** A failure as people read it: its message and those of its causes, each once. */
public final class OneLine {

  private OneLine() {}

  /** One line, however many a parser or a server made of it. */
  public static String of(Throwable failure) {
    return of(failure, /* hasLines= */ each -> false);
  }

  /**
   * The same, but for failures whose message has a line for each of several things.
   *
   * @param hasLines which those are
   */
  public static String of(Throwable failure, Predicate<Throwable> hasLines) {
    StringBuilder text = new StringBuilder();
    String last = null;
    for (Throwable t = failure; t != null; t = t.getCause()) {
      if (t.getCause() != null && t.getCause().toString().equals(t.getMessage())) {
        continue; // says nothing but the name and the message of its cause
      }
      String message = message(t);
      if (!hasLines.test(t)) {
        message = message.strip().replaceAll("\\s*\\R\\s*", " ");
      }
      if (last == null || !last.contains(message)) {
        text.append(last == null ? "" : ": ").append(message);
        last = message;
      }
    }
    return text.toString();
  }

  private static String message(Throwable failure) {
    if (failure instanceof FileSystemException file && file.getReason() == null) {
      return "%s %s".formatted(file.getFile(), whatIsWrong(file));
    }
    return failure.getMessage() == null ? failure.getClass().getSimpleName() : failure.getMessage();
  }

  /** The JDK's own say the path and nothing else. */
  private static String whatIsWrong(FileSystemException failure) {
    if (failure instanceof NoSuchFileException) {
      return "is not there";
    } else if (failure instanceof FileAlreadyExistsException) {
      return "exists already";
    } else if (failure instanceof AccessDeniedException) {
      return "may not be read or written by this user";
    } else if (failure instanceof DirectoryNotEmptyException) {
      return "is a directory that is not empty";
    } else if (failure instanceof NotDirectoryException) {
      return "is not a directory";
    }
    return "cannot be used (%s)".formatted(failure.getClass().getSimpleName());
  }
}
