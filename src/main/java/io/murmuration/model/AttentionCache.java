package io.murmuration.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import java.util.HashMap;
import java.util.Map;

/**
 * Keys and values of the positions that a generation has passed, so that a new token costs one
 * position instead of all of them. For passes without gradients, of one grid of slices and
 * sequences; not thread-safe.
 */
final class AttentionCache implements AutoCloseable {

  /** What one layer keeps: (slices · sequences · groups, positions, head width), keys rotated. */
  record KeysAndValues(NDArray keys, NDArray values) {}

  private final NDManager manager;
  private final Map<Integer, KeysAndValues> layers = new HashMap<>();
  private int positions;

  /**
   * @param parent lives as long as the cache
   */
  AttentionCache(NDManager parent) {
    this.manager = parent.newSubManager();
  }

  /** How many positions are held. */
  int positions() {
    return positions;
  }

  /** Adds a layer's new positions and returns all of them; they live on in the cache. */
  KeysAndValues extend(int layer, NDArray keys, NDArray values) {
    KeysAndValues past = layers.get(layer);
    KeysAndValues all =
        new KeysAndValues(
            kept(past == null ? keys.duplicate() : past.keys().concat(keys, 1)),
            kept(past == null ? values.duplicate() : past.values().concat(values, 1)));
    layers.put(layer, all);
    if (past != null) {
      past.keys().close();
      past.values().close();
    }
    return all;
  }

  /** Counts the positions of a pass, which are in all layers now. */
  void advance(int count) {
    positions += count;
  }

  /** Begins anew, without any positions. */
  void forget() {
    for (KeysAndValues past : layers.values()) {
      past.keys().close();
      past.values().close();
    }
    layers.clear();
    positions = 0;
  }

  /** Moves an array out of the scope of the step, into the cache. */
  private NDArray kept(NDArray array) {
    NDScope.unregister(array);
    array.attach(manager);
    return array;
  }

  @Override
  public void close() {
    manager.close();
  }
}
