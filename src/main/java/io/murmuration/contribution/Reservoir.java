package io.murmuration.contribution;

import java.util.Arrays;
import java.util.function.IntConsumer;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * A uniform sample of the events of one user and window: of the {@code seen} events every subset of
 * the kept size is equally likely to be the kept one.
 *
 * <p>It does not hold examples but, for each, the slot of the user's state that does, when it
 * arrived, and its clock. Which event is kept or leaves never depends on clocks or arrivals.
 * Package private: {@link UserPool} is the whole of it.
 */
final class Reservoir {

  /** {@link #offer}'s answer when the newcomer is not kept. */
  static final int NOT_KEPT = -1;

  /** The slot of a new position until {@link #set} gives it one. */
  static final int NO_SLOT = -1;

  private long window;
  private long seen;
  private int size;
  private int[] slots;
  private long[] arrivals;
  private long[] clocks;

  Reservoir(long window, long seen, int size) {
    this.window = window;
    this.seen = seen;
    this.size = size;
    this.slots = new int[size];
    this.arrivals = new long[size];
    this.clocks = new long[size];
  }

  Reservoir copy() {
    Reservoir copy = new Reservoir(window, seen, 0);
    copy.size = size;
    copy.slots = Arrays.copyOf(slots, size);
    copy.arrivals = Arrays.copyOf(arrivals, size);
    copy.clocks = Arrays.copyOf(clocks, size);
    return copy;
  }

  long window() {
    return window;
  }

  /** Counts what it holds as events of another window. */
  void moveTo(long otherWindow) {
    window = otherWindow;
  }

  /** Counts what it holds as events of another window that arrived after {@code arrival}. */
  void settle(long otherWindow, long arrival) {
    window = otherWindow;
    Arrays.fill(arrivals, 0, size, arrival);
  }

  long seen() {
    return seen;
  }

  int size() {
    return size;
  }

  int slot(int position) {
    return slots[position];
  }

  /** The last tick that was closed when the example arrived. */
  long arrival(int position) {
    return arrivals[position];
  }

  long clock(int position) {
    return clocks[position];
  }

  void setClock(int position, long clock) {
    clocks[position] = clock;
  }

  void set(int position, int slot, long arrival, long clock) {
    slots[position] = slot;
    arrivals[position] = arrival;
    clocks[position] = clock;
  }

  /** Whether every event seen is still kept. */
  private boolean isComplete() {
    return seen == size;
  }

  /**
   * One step of Vitter's algorithm R: the n-th event is kept with probability capacity / n, in the
   * place of a uniformly chosen one.
   *
   * <p>A reservoir that has turned an event away never grows again, or the newcomers would be too
   * likely.
   *
   * @return the newcomer's position: {@link #size()} before the call for a new one, below it for a
   *     victim's, or {@link #NOT_KEPT}
   */
  int offer(int capacity, UniformRandomProvider coins) {
    boolean grows = isComplete() && size < capacity;
    seen++;
    if (grows) {
      ensureRoom(size + 1);
      set(size, NO_SLOT, 0, 0);
      return size++;
    }
    long position = coins.nextLong(seen);
    return position < size ? (int) position : NOT_KEPT;
  }

  /** Drops uniformly chosen examples until {@code capacity} are left, and reports their slots. */
  void cutTo(int capacity, UniformRandomProvider coins, IntConsumer freedSlots) {
    while (size > capacity) {
      removeAt(coins.nextInt(size), freedSlots);
    }
  }

  /** Reports all slots. */
  void forEachSlot(IntConsumer consumer) {
    for (int i = 0; i < size; i++) {
      consumer.accept(slots[i]);
    }
  }

  /**
   * Absorbs another reservoir, so that the result is a uniform sample of the events that either has
   * seen: as many are drawn from each as a uniform subset of all events would hold of it.
   */
  void absorb(Reservoir other, int capacity, UniformRandomProvider coins, IntConsumer freedSlots) {
    long room = Math.min(capacity, seen + other.seen);
    room = isComplete() ? room : Math.min(room, size);
    room = other.isComplete() ? room : Math.min(room, other.size);
    long mine = seen;
    long theirs = other.seen;
    int keep = 0;
    for (long i = 0; i < room; i++) {
      if (coins.nextLong(mine + theirs) < mine) {
        mine--;
        keep++;
      } else {
        theirs--;
      }
    }
    cutTo(keep, coins, freedSlots);
    other.cutTo((int) room - keep, coins, freedSlots);
    ensureRoom(size + other.size);
    for (int i = 0; i < other.size; i++) {
      set(size++, other.slots[i], other.arrivals[i], other.clocks[i]);
    }
    seen += other.seen;
  }

  private void removeAt(int position, IntConsumer freedSlots) {
    freedSlots.accept(slots[position]);
    size--;
    set(position, slots[size], arrivals[size], clocks[size]);
  }

  private void ensureRoom(int needed) {
    if (slots.length < needed) {
      slots = Arrays.copyOf(slots, needed);
      arrivals = Arrays.copyOf(arrivals, needed);
      clocks = Arrays.copyOf(clocks, needed);
    }
  }
}
