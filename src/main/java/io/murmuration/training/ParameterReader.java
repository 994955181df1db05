package io.murmuration.training;

import io.murmuration.training.ParameterStore.Key;
import java.io.IOException;
import java.time.Duration;

/**
 * A worker's way to parameters: takes values from the store, compares them with the digest that was
 * announced, and keeps them while they stay the same. Used by one thread.
 */
final class ParameterReader {

  /** The pause between two looks for parameters: short beside a round. */
  private static final long PAUSE_MILLIS = 200;

  private final ParameterStore store;
  private final Duration patience;
  private Key key;
  private float[] values;

  /**
   * @param patience how long values may take to become visible: file servers show another machine's
   *     files after some seconds
   */
  ParameterReader(ParameterStore store, Duration patience) {
    this.store = store;
    this.patience = patience;
  }

  /**
   * The values of a name.
   *
   * @return not to be written into; the same array as long as the digest is the same
   * @throws IOException if they do not become visible, or are others than announced
   * @throws InterruptedException if interrupted while waiting
   */
  float[] of(Key wanted) throws IOException, InterruptedException {
    if (key == null || !wanted.digest().equals(key.digest())) {
      // two models at once would need twice the memory
      key = null;
      values = null;
      float[] read = read(wanted);
      String digest = ParameterDigest.of(read);
      if (!digest.equals(wanted.digest())) {
        throw new IOException(
            "what is kept as %s must have that SHA-256, which was announced, but has %s"
                .formatted(wanted, digest));
      }
      values = read;
    }
    key = wanted;
    return values;
  }

  private float[] read(Key wanted) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    while (true) {
      try {
        return store.get(wanted);
      } catch (IOException e) {
        if (System.nanoTime() - deadline >= 0) {
          throw new IOException(
              "%s did not become readable within %s".formatted(wanted, patience), e);
        }
        Thread.sleep(PAUSE_MILLIS);
      }
    }
  }
}
