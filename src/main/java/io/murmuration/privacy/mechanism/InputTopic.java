package io.murmuration.privacy.mechanism;

import java.io.IOException;
import java.io.Serializable;

/** The topic of events, to be asked what it is and how far it is written. */
@FunctionalInterface
public interface InputTopic extends Serializable {

  /**
   * Prepares to ask.
   *
   * @throws IOException if that is not possible now
   */
  Connection open() throws IOException;

  /** The connection by which brokers are asked. Used by one thread. */
  interface Connection extends AutoCloseable {

    /**
     * Asks the brokers; what is read is no older than the call.
     *
     * @throws IOException if they cannot be reached, or do not know the topic
     * @throws IllegalArgumentException if events of such a topic cannot be counted
     */
    InputOffsets read() throws IOException, InterruptedException;

    @Override
    void close();
  }
}
