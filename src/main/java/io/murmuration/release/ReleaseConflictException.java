package io.murmuration.release;

import java.io.IOException;

/** The name of a release is taken by other bytes: two different releases of one round. */
public final class ReleaseConflictException extends IOException {

  private static final long serialVersionUID = 1L;

  ReleaseConflictException(String name, String existing, String staged) {
    super(
        "release %s is already published with digest %s but is to be published with digest %s; a round is released once, ever: check whether another domain or run publishes into the same store, and give each domain a store of its own"
            .formatted(name, existing, staged));
  }
}
