package io.murmuration.contribution;

import java.util.Arrays;
import java.util.function.IntConsumer;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * A uniform sample of the events of one user and window: of the {@code seen} events every subset of
 * the kept size is equally likely to be the kept one.
 *
 * <p>It does not hold examples but, for each, the slot of the user's state that does, when it
 * arrived, and when it is due. Which event is kept or leaves never depends on due ticks or
 * arrivals. Package private: {@link UserPool} is the whole of it.
 */
final class Reservoir {

  /** {@link #offer}'s answer when the newcomer is not kept. */
  static final int NOT_KEPT = -1;

  /** The slot of a new position until {@link #set} gives it one. */
  static final int NO_SLOT = -1;

  /** The arrival of what arrived before every tick that can still be sampled. */
  static final long SETTLED = Long.MIN_VALUE;

  private long window;
  private long seen;
  private int size;
  private int[] slots;

  /** When each arrived; null where all are settled. */
  private long[] arrivals;

  /** When each is due; null where no example has a due tick. */
  private long[] dueTicks;

  Reservoir(long window, long seen, int size) {
    this.window = window;
    this.seen = seen;
    this.size = size;
    this.slots = new int[size];
  }

  Reservoir copy() {
    Reservoir copy = new Reservoir(window, seen, 0);
    copy.size = size;
    copy.slots = Arrays.copyOf(slots, size);
    copy.arrivals = arrivals == null ? null : Arrays.copyOf(arrivals, size);
    copy.dueTicks = dueTicks == null ? null : Arrays.copyOf(dueTicks, size);
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
    for (int i = 0; i < size; i++) {
      setArrival(i, arrival);
    }
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

  /** The last tick that was closed when the example arrived, or {@link #SETTLED}. */
  long arrival(int position) {
    return arrivals == null ? SETTLED : arrivals[position];
  }

  void setArrival(int position, long arrival) {
    if (arrivals == null && arrival != SETTLED) {
      arrivals = new long[slots.length];
      Arrays.fill(arrivals, SETTLED);
    }
    if (arrivals != null) {
      arrivals[position] = arrival;
    }
  }

  /** Forgets arrivals before {@code tick}, which is the first that can still be sampled. */
  void settleArrivals(long tick) {
    if (arrivals == null) {
      return;
    }
    boolean allSettled = true;
    for (int i = 0; i < size; i++) {
      arrivals[i] = arrivals[i] < tick ? SETTLED : arrivals[i];
      allSettled &= arrivals[i] == SETTLED;
    }
    arrivals = allSettled ? null : arrivals;
  }

  long dueTick(int position) {
    return dueTicks == null ? UserPool.NOT_DUE : dueTicks[position];
  }

  void setDueTick(int position, long dueTick) {
    if (dueTicks == null && dueTick != UserPool.NOT_DUE) {
      dueTicks = new long[slots.length];
      Arrays.fill(dueTicks, UserPool.NOT_DUE);
    }
    if (dueTicks != null) {
      dueTicks[position] = dueTick;
    }
  }

  void discardDueTicks() {
    dueTicks = null;
  }

  /** Whether any example may have a due tick. */
  boolean hasDueTicks() {
    return dueTicks != null;
  }

  void set(int position, int slot, long arrival, long dueTick) {
    slots[position] = slot;
    setArrival(position, arrival);
    setDueTick(position, dueTick);
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
  int offer(int capacity, UniformRandomProvider random) {
    boolean grows = isComplete() && size < capacity;
    seen++;
    if (grows) {
      ensureRoom(size + 1);
      set(size, NO_SLOT, SETTLED, UserPool.NOT_DUE);
      return size++;
    }
    long position = random.nextLong(seen);
    return position < size ? (int) position : NOT_KEPT;
  }

  /** Drops uniformly chosen examples until {@code capacity} are left, and reports their slots. */
  void cutTo(int capacity, UniformRandomProvider random, IntConsumer freedSlots) {
    while (size > capacity) {
      removeAt(random.nextInt(size), freedSlots);
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
  void absorb(Reservoir other, int capacity, UniformRandomProvider random, IntConsumer freedSlots) {
    long room = Math.min(capacity, seen + other.seen);
    room = isComplete() ? room : Math.min(room, size);
    room = other.isComplete() ? room : Math.min(room, other.size);
    long mine = seen;
    long theirs = other.seen;
    int keep = 0;
    for (long i = 0; i < room; i++) {
      if (random.nextLong(mine + theirs) < mine) {
        mine--;
        keep++;
      } else {
        theirs--;
      }
    }
    cutTo(keep, random, freedSlots);
    other.cutTo((int) room - keep, random, freedSlots);
    ensureRoom(size + other.size);
    for (int i = 0; i < other.size; i++) {
      set(size++, other.slot(i), other.arrival(i), other.dueTick(i));
    }
    seen += other.seen;
  }

  private void removeAt(int position, IntConsumer freedSlots) {
    freedSlots.accept(slots[position]);
    size--;
    set(position, slot(size), arrival(size), dueTick(size));
  }

  private void ensureRoom(int needed) {
    if (slots.length < needed) {
      slots = Arrays.copyOf(slots, needed);
      arrivals = arrivals == null ? null : Arrays.copyOf(arrivals, needed);
      dueTicks = dueTicks == null ? null : Arrays.copyOf(dueTicks, needed);
    }
  }
}
