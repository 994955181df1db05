package io.murmuration.registry;

import java.io.Serializable;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Says where a registry is and how to be let in. Travels to the task managers; its text form holds
 * no secrets.
 *
 * @param urls of nodes of one registry, at least one; tried in this order
 * @param user for basic authentication, or null
 * @param password of the user, or null
 * @param token for bearer authentication, or null
 * @param trust which servers are trusted; null for the JVM's own trust
 * @param identity a key to show to the server, or null
 * @param timeout of one request, positive
 */
public record RegistryEndpoint(
    ArrayList<URI> urls,
    String user,
    String password,
    String token,
    KeyFile trust,
    KeyFile identity,
    Duration timeout)
    implements Serializable {

  /** How long a request may take where nothing else is said. */
  public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(10);

  /**
   * A key or trust store, PKCS12 or JKS; for trust also certificates in PEM.
   *
   * @param file path of the file, on every machine that speaks with the registry
   * @param password of the store, or null
   */
  public record KeyFile(String file, String password) implements Serializable {
    public KeyFile {
      Objects.requireNonNull(file, "file");
    }

    @Override
    public String toString() {
      return file;
    }
  }

  public RegistryEndpoint {
    urls = new ArrayList<>(urls);
    if (urls.isEmpty()) {
      throw new IllegalArgumentException("a registry must have at least one URL");
    }
    urls.forEach(RegistryEndpoint::check);
    if ((user == null) != (password == null)) {
      throw new IllegalArgumentException(
          "a registry's user and password must be given together or not at all");
    }
    if (user != null && token != null) {
      throw new IllegalArgumentException(
          "a registry must be given a user with a password, or a token, but was given both");
    }
    if (timeout.isNegative() || timeout.isZero()) {
      throw new IllegalArgumentException("a registry's timeout must be positive but is " + timeout);
    }
  }

  /** An endpoint without credentials, with the JVM's trust. */
  public static RegistryEndpoint at(URI url) {
    return new RegistryEndpoint(
        new ArrayList<>(List.of(url)), null, null, null, null, null, DEFAULT_TIMEOUT);
  }

  /** The message names no URL that holds credentials: it is logged. */
  private static void check(URI url) {
    if (url.getUserInfo() != null) {
      throw new IllegalArgumentException(
          "a registry's URL must not hold credentials, but that of %s does; give user and password"
              .formatted(url.getHost()));
    }
    boolean http = "http".equals(url.getScheme()) || "https".equals(url.getScheme());
    if (!http || url.getHost() == null || url.getQuery() != null || url.getFragment() != null) {
      throw new IllegalArgumentException(
          "a registry's URL must be http:// or https:// with a host and perhaps a path, but is "
              + url);
    }
  }

  @Override
  public String toString() {
    return urls
        + (user == null ? "" : " as " + user)
        + (token == null ? "" : " with a token")
        + (trust == null ? "" : ", trusting " + trust)
        + (identity == null ? "" : ", as " + identity);
  }
}
