package io.murmuration.contribution;

import io.murmuration.privacy.mechanism.Sampler;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * Which examples of one user are kept, and when they are sampled next: the whole bookkeeping,
 * without the texts. Each kept example occupies a <em>slot</em>, a small number under which its
 * owner stores it.
 *
 * <p>A pool is a function of its user's events, of the public ticks at which they arrived, and of
 * random bits. Guarantees, at every tick t and for the bounds given to {@link #advance}:
 *
 * <table>
 *   <caption>Edge cases</caption>
 *   <tr><td>events flood a window</td><td>its reservoir is a uniform sample of g of them</td></tr>
 *   <tr><td>a window left the last K</td><td>it is not sampled, cleaned up or not</td></tr>
 *   <tr><td>ticks are not known yet</td><td>events wait in a provisional reservoir of g, which joins
 *       the first known tick's window, still uniform and still at most g</td></tr>
 *   <tr><td>erased before ticks are known, where rounds are counted</td><td>nothing is kept but the
 *       stretch, and that until the first tick</td></tr>
 *   <tr><td>bounds shrink</td><td>uniformly chosen examples leave, whenever they are due</td></tr>
 *   <tr><td>bounds grow</td><td>windows that have turned events away stay as they are</td></tr>
 *   <tr><td>the window length changes</td><td>a window counts as the new one in which it began</td>
 *       </tr>
 *   <tr><td>a due tick was drawn with another probability</td><td>it is discarded and redrawn</td></tr>
 * </table>
 *
 * <p>Mutable and not thread-safe. An instance handed to a state backend must not be touched again:
 * work on a {@link #copy}.
 *
 * <p>Long because its guarantees are one table, and every method has to keep all of its rows.
 */
public final class UserPool {

  /** Answer of {@link #offer} when the event is bounded away. */
  public static final int NOT_KEPT = Reservoir.NOT_KEPT;

  /** The due tick of what has none. */
  public static final long NOT_DUE = Long.MAX_VALUE;

  final List<Reservoir> windows;
  Reservoir provisional;
  long windowTicks;
  SamplingSchedule schedule;
  long userDueTick = NOT_DUE;

  /** The stretch of rounds that count for the user; null where users have no lifetime. */
  Stretch stretch;

  /** A user of whom nothing is kept. */
  public UserPool(long windowTicks) {
    this(windowTicks, 1);
  }

  /** A pool with room for some windows: a list that grows takes room for ten. */
  UserPool(long windowTicks, int room) {
    this.windowTicks = windowTicks;
    this.windows = new ArrayList<>(room);
  }

  /** A pool that shares nothing with this one. */
  public UserPool copy() {
    UserPool copy = new UserPool(windowTicks, windows.size());
    for (Reservoir reservoir : windows) {
      copy.windows.add(reservoir.copy());
    }
    copy.provisional = provisional == null ? null : provisional.copy();
    copy.schedule = schedule;
    copy.userDueTick = userDueTick;
    copy.stretch = stretch;
    return copy;
  }

  /** A pool that holds nothing but the same stretch, until the first tick is known. */
  UserPool emptied() {
    UserPool emptied = new UserPool(windowTicks);
    emptied.provisional = new Reservoir(0, 0, 0);
    emptied.stretch = stretch;
    return emptied;
  }

  /** Whether nothing is kept of this user, so that nothing need be stored. */
  public boolean isEmpty() {
    return windows.isEmpty() && provisional == null;
  }

  /** Number of examples kept, those of dead windows not yet cleaned up included. */
  public int size() {
    int size = provisional == null ? 0 : provisional.size();
    for (Reservoir reservoir : windows) {
      size += reservoir.size();
    }
    return size;
  }

  /** Windows with examples, those not yet cleaned up included. */
  public int windowCount() {
    return windows.size();
  }

  /** Number of events that the windows kept have seen, provisional ones included. */
  public long eventsSeen() {
    long seen = provisional == null ? 0 : provisional.seen();
    for (Reservoir reservoir : windows) {
      seen += reservoir.seen();
    }
    return seen;
  }

  /** Whether events wait for the first tick to be known. */
  public boolean hasProvisional() {
    return provisional != null;
  }

  /** What the due ticks were drawn with, if any ever were. */
  public Optional<SamplingSchedule> schedule() {
    return Optional.ofNullable(schedule);
  }

  /** All occupied slots. */
  public void forEachSlot(IntConsumer consumer) {
    for (Reservoir reservoir : windows) {
      reservoir.forEachSlot(consumer);
    }
    if (provisional != null) {
      provisional.forEachSlot(consumer);
    }
  }

  // ---- arrival ----

  /**
   * Offers an event that arrived while no tick was known.
   *
   * @return its slot, free or a victim's to overwrite, or {@link #NOT_KEPT}
   */
  public int offerProvisional(ContributionBounds bounds, UniformRandomProvider random) {
    if (provisional == null) {
      provisional = new Reservoir(0, 0, 0);
    }
    return place(provisional, 0, bounds.examplesPerWindow(), random);
  }

  /**
   * Offers an event that arrived after {@code closedTick} and so belongs to the tick that follows.
   * {@link #advance} to that tick comes first.
   *
   * @return its slot, free or a victim's to overwrite, or {@link #NOT_KEPT}
   */
  public int offer(long closedTick, ContributionBounds bounds, UniformRandomProvider random) {
    Reservoir reservoir = reservoirOf(bounds.windowOf(closedTick + 1));
    return place(reservoir, closedTick, bounds.examplesPerWindow(), random);
  }

  private int place(Reservoir reservoir, long arrival, int capacity, UniformRandomProvider random) {
    int position = reservoir.offer(capacity, random);
    if (position == Reservoir.NOT_KEPT) {
      return NOT_KEPT;
    }
    int victimsSlot = reservoir.slot(position);
    int slot = victimsSlot == Reservoir.NO_SLOT ? firstFreeSlot() : victimsSlot;
    reservoir.set(position, slot, arrival, NOT_DUE);
    return slot;
  }

  private int firstFreeSlot() {
    BitSet occupied = new BitSet();
    forEachSlot(
        slot -> {
          if (slot != Reservoir.NO_SLOT) {
            occupied.set(slot);
          }
        });
    return occupied.nextClearBit(0);
  }

  private Reservoir reservoirOf(long window) {
    int i = windows.size();
    while (i > 0 && windows.get(i - 1).window() > window) {
      i--;
    }
    if (i > 0 && windows.get(i - 1).window() == window) {
      return windows.get(i - 1);
    }
    Reservoir reservoir = new Reservoir(window, 0, 0);
    windows.add(i, reservoir);
    return reservoir;
  }

  /**
   * How many events of a window arrived, kept or not. 0 for a window of another length than the
   * pool's: a pool that nothing has touched since the length changed counts no events in it.
   */
  public long eventsSeenIn(long window, ContributionBounds bounds) {
    if (windowTicks != bounds.windowTicks()) {
      return 0;
    }
    for (Reservoir reservoir : windows) {
      if (reservoir.window() == window) {
        return reservoir.seen();
      }
    }
    return 0;
  }

  // ---- the passing of ticks ----

  /**
   * Brings the pool to {@code tick} and under {@code bounds}: settles what is provisional, drops
   * the windows that are no longer live, and cuts the ones that hold too much. Costs nothing when
   * there is nothing to do.
   *
   * @param tick the tick whose pool is wanted; none before it is sampled any more
   * @param firstTick the first tick known to this epoch, to which provisional events belong
   * @param freedSlots told of every slot that is free from now on
   */
  public void advance(
      long tick,
      long firstTick,
      ContributionBounds bounds,
      UniformRandomProvider random,
      IntConsumer freedSlots) {
    if (windowTicks != bounds.windowTicks()) {
      regrid(bounds, random, freedSlots);
    }
    if (provisional != null && provisional.size() > 0) {
      long window = bounds.windowOf(firstTick);
      provisional.settle(window, firstTick - 1);
      reservoirOf(window).absorb(provisional, bounds.examplesPerWindow(), random, freedSlots);
    }
    provisional = null;
    while (!windows.isEmpty() && !bounds.isLive(windows.get(0).window(), tick)) {
      windows.remove(0).forEachSlot(freedSlots);
    }
    for (Reservoir reservoir : windows) {
      reservoir.cutTo(bounds.examplesPerWindow(), random, freedSlots);
      reservoir.settleArrivals(tick);
    }
  }

  private void regrid(
      ContributionBounds bounds, UniformRandomProvider random, IntConsumer freedSlots) {
    List<Reservoir> old = List.copyOf(windows);
    windows.clear();
    for (Reservoir reservoir : old) {
      reservoir.moveTo(bounds.windowOf(reservoir.window() * windowTicks));
      reservoirOf(reservoir.window())
          .absorb(reservoir, bounds.examplesPerWindow(), random, freedSlots);
    }
    windowTicks = bounds.windowTicks();
  }

  /** Forgets which arrivals came before {@code tick}: none before it is sampled any more. */
  public void settleArrivals(long tick) {
    for (Reservoir reservoir : windows) {
      reservoir.settleArrivals(tick);
    }
  }

  /**
   * The first tick at which nothing of what is kept is live any more, cleaned up or not; {@link
   * Long#MAX_VALUE} while events wait for the first tick to be known, or if nothing is kept.
   */
  public long lastExpiry(ContributionBounds bounds) {
    if (windows.isEmpty() || provisional != null) {
      return Long.MAX_VALUE;
    }
    long newest = windows.get(windows.size() - 1).window();
    // as advance() would count it under these bounds
    return bounds.expiryOf(
        windowTicks == bounds.windowTicks() ? newest : bounds.windowOf(newest * windowTicks));
  }

  /** The first tick at which something can be cleaned up, or {@link Long#MAX_VALUE} for none. */
  public long nextExpiry(ContributionBounds bounds) {
    return windows.isEmpty() ? Long.MAX_VALUE : bounds.expiryOf(windows.get(0).window());
  }

  // ---- due ticks ----

  /** The earliest due tick, or {@link #NOT_DUE}. */
  public long nextDueTick() {
    long next = userDueTick;
    for (Reservoir reservoir : windows) {
      for (int i = 0; reservoir.hasDueTicks() && i < reservoir.size(); i++) {
        next = Math.min(next, reservoir.dueTick(i));
      }
    }
    return next;
  }

  /**
   * Where the user's timers belong.
   *
   * @param cleanUp the tick of the oldest window's clean-up, or {@link #NOT_DUE} for none
   */
  UserTimers timers(long cleanUp) {
    UserTimers.Builder timers = new UserTimers.Builder(cleanUp);
    timers.accept(userDueTick);
    for (Reservoir reservoir : windows) {
      for (int i = 0; reservoir.hasDueTicks() && i < reservoir.size(); i++) {
        timers.accept(reservoir.dueTick(i));
      }
    }
    return timers.build();
  }

  /** Clears the due ticks up to {@code tick}: their coins are thrown. */
  public void clearDueTicks(long tick) {
    userDueTick = userDueTick <= tick ? NOT_DUE : userDueTick;
    for (Reservoir reservoir : windows) {
      for (int i = 0; reservoir.hasDueTicks() && i < reservoir.size(); i++) {
        if (reservoir.dueTick(i) <= tick) {
          reservoir.setDueTick(i, NOT_DUE);
        }
      }
    }
  }

  /**
   * Gives a due tick to everybody who should have one and has none. Those drawn with another
   * schedule are discarded first. Provisional examples get none.
   *
   * @param closedTick the last tick whose coin is already thrown: new due ticks are later
   */
  public void drawDueTicks(
      SamplingSchedule current, long closedTick, UniformRandomProvider random) {
    if (!current.equals(schedule)) {
      discardDueTicks();
      schedule = current;
    }
    if (current.sampler() == Sampler.ULS) {
      if (!windows.isEmpty() && userDueTick == NOT_DUE) {
        userDueTick = current.nextAfter(closedTick, random);
      }
      return;
    }
    for (Reservoir reservoir : windows) {
      for (int i = 0; i < reservoir.size(); i++) {
        if (reservoir.dueTick(i) == NOT_DUE) {
          reservoir.setDueTick(i, current.nextAfter(closedTick, random));
        }
      }
    }
  }

  /**
   * Whether {@link #drawDueTicks} with this schedule would find nothing to do, so that the pool may
   * stay as it is. Never so while events wait for the first tick.
   */
  public boolean hasDueTicksOf(SamplingSchedule current) {
    if (provisional != null || !current.equals(schedule)) {
      return false;
    }
    if (current.sampler() == Sampler.ULS) {
      return windows.isEmpty() || userDueTick != NOT_DUE;
    }
    for (Reservoir reservoir : windows) {
      for (int i = 0; i < reservoir.size(); i++) {
        if (reservoir.dueTick(i) == NOT_DUE) {
          return false;
        }
      }
    }
    return true;
  }

  private void discardDueTicks() {
    userDueTick = NOT_DUE;
    windows.forEach(Reservoir::discardDueTicks);
  }

  // ---- sampling ----

  /**
   * The slots that a granted round takes, in no particular order; empty when nothing is due by this
   * schedule at exactly its tick. Only examples that arrived before the tick, in windows live at
   * the tick, take part.
   *
   * @param groupSize ULS: at most so many examples, drawn freshly and uniformly. ELS: not used
   */
  public int[] sample(
      long tick,
      SamplingSchedule granted,
      int groupSize,
      ContributionBounds bounds,
      UniformRandomProvider random) {
    if (!granted.equals(schedule)) {
      return new int[0];
    }
    if (granted.sampler() == Sampler.ELS) {
      return slotsAt(tick, bounds, tick);
    }
    return userDueTick == tick
        ? SubsetSampling.draw(slotsAt(tick, bounds, NOT_DUE), groupSize, random)
        : new int[0];
  }

  private int[] slotsAt(long tick, ContributionBounds bounds, long dueTick) {
    IntStream.Builder slots = IntStream.builder();
    for (Reservoir reservoir : windows) {
      if (bounds.isLive(reservoir.window(), tick)) {
        for (int i = 0; i < reservoir.size(); i++) {
          if (reservoir.arrival(i) < tick && reservoir.dueTick(i) == dueTick) {
            slots.add(reservoir.slot(i));
          }
        }
      }
    }
    return slots.build().toArray();
  }
}
