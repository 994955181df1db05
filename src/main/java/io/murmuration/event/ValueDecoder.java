package io.murmuration.event;

import java.io.IOException;

/** Turns the value of a record into an event. Not thread-safe. */
interface ValueDecoder {

  /**
   * Decodes one value.
   *
   * @throws RejectedRecordException if the value is at fault, whatever its bytes are
   * @throws IOException if something else is, so that another try may succeed
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  UserEvent decode(byte[] value) throws RejectedRecordException, IOException, InterruptedException;
}
