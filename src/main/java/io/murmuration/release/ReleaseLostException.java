package io.murmuration.release;

import java.io.IOException;

/** A release is to be made visible but is neither staged nor published. */
public final class ReleaseLostException extends IOException {

  private static final long serialVersionUID = 1L;

  ReleaseLostException(String name, String found) {
    super(
        "release %s is lost: %s; its round stays charged and is not released. Staging must survive until the checkpoint after it, so do not clean it while a job may be restored"
            .formatted(name, found));
  }
}
