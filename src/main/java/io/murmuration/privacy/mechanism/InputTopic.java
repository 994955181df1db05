package io.murmuration.privacy.mechanism;

import java.io.IOException;
import java.io.Serializable;

/** The topic of events, to be asked what it is and how far it is written. */
@FunctionalInterface
public interface InputTopic extends Serializable {

  /**
   * Asks the brokers; what is read is no older than the call.
   *
   * @throws IOException if they cannot be reached, or do not know the topic
   */
  InputOffsets read() throws IOException, InterruptedException;
}
