package io.murmuration.storage;

import java.io.Serializable;
import java.net.URI;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * Says where something lies: a path of this machine's file system, or a URI of a file system that
 * Flink knows ({@code s3://bucket/releases}, {@code hdfs:///models/base}).
 *
 * <p>{@code file:} URIs are paths of this machine. What has no scheme is one too, whatever Flink's
 * default file system is.
 *
 * @param text path or URI, without a slash at its end
 */
public record Location(String text) implements Serializable {

  /** Two letters at least: {@code C:/} is a drive. */
  private static final Pattern SCHEME = Pattern.compile("([a-zA-Z][a-zA-Z0-9+.-]+):/.*");

  private static final String FILE = "file:";

  public Location {
    if (text.isBlank()) {
      throw new IllegalArgumentException("a path or a URI is required, but it is empty");
    }
  }

  /**
   * The location that a person wrote.
   *
   * @throws IllegalArgumentException if it is neither a path nor a URI
   */
  public static Location of(String text) {
    String shown = text.strip();
    if (shown.startsWith(FILE)) {
      return of(Path.of(URI.create(shown.replaceFirst("^file:/*", "file:///"))));
    }
    if (!SCHEME.matcher(shown).matches()) {
      return new Location(text);
    }
    URI uri = URI.create(shown); // also a check
    return new Location(uri.toString().replaceFirst("(?<=[^:/])/+$", ""));
  }

  /** The location of a path of this machine. */
  public static Location of(Path path) {
    return new Location(path.toString());
  }

  /** Whether this is a path of this machine, on whose file system renames are atomic. */
  public boolean isLocal() {
    return !SCHEME.matcher(text).matches();
  }

  /**
   * The path.
   *
   * @throws IllegalStateException if it is none, see {@link #isLocal}
   */
  public Path path() {
    if (!isLocal()) {
      throw new IllegalStateException(text + " is no path of this machine");
    }
    return Path.of(text);
  }

  /** What lies below. */
  public Location resolve(String name) {
    return isLocal()
        ? of(path().resolve(name))
        : new Location(text.endsWith("/") ? text + name : text + "/" + name);
  }

  /** What this lies in; of a bucket or a root itself. */
  public Location parent() {
    if (isLocal()) {
      Path parent = path().toAbsolutePath().getParent();
      return parent == null ? this : of(parent);
    }
    String path = URI.create(text).getRawPath();
    return path.lastIndexOf('/') <= 0
        ? this
        : new Location(text.substring(0, text.lastIndexOf('/')));
  }

  /** The last part of the name. */
  public String name() {
    if (isLocal()) {
      Path last = path().getFileName();
      return last == null ? text : last.toString();
    }
    return text.substring(text.lastIndexOf('/') + 1);
  }

  @Override
  public String toString() {
    return text;
  }
}
