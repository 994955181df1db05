package io.murmuration.demo;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;

/** Finds a port for the web UI. */
final class WebPort {

  /** More jobs than anybody shows on one machine. */
  private static final int PORTS_TO_TRY = 20;

  private WebPort() {}

  /**
   * The first port from {@code first} on that nobody listens on.
   *
   * @throws IllegalStateException if none of twenty is free
   */
  static int firstFree(int first) {
    for (int port = first; port < first + PORTS_TO_TRY; port++) {
      try (ServerSocket probe = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return probe.getLocalPort();
      } catch (IOException taken) {
        // somebody listens there: try the next
      }
    }
    throw new IllegalStateException(
        "None of the ports %d to %d is free for the web UI; choose another with --web-port"
            .formatted(first, first + PORTS_TO_TRY - 1));
  }
}
