package io.murmuration.contribution;

import io.murmuration.contribution.UserStore.Taken;
import io.murmuration.event.UserEvent;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.GrantGate;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.List;
import java.util.Optional;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * What happens to one user after another: events are bounded as they arrive, due ticks are drawn,
 * and who is due at a granted tick is sampled. Without Flink: where users are kept is the {@link
 * UserStore}'s, when something happens its caller's.
 *
 * <p><b>Guarantee.</b> At a granted tick every user whom all rules of {@link Participation} let in
 * is drawn independently with the grant's probability (ULS), or each of the user's examples is
 * (ELS); see {@link SamplingSchedule}. For that, {@link #granted}'s visit must have been made to
 * every user before a timer of the grant's tick fires.
 *
 * <p>Mutable and not thread-safe. Grants, schedule and ticks are an attempt's own, and never part
 * of a snapshot.
 */
final class UserSampling {

  private final ContributionBounds configuredBounds;
  private final Randomness randomness;
  private final GrantGate gate;
  private final UserStore users;
  private final Lifetimes lifetimes;
  private final List<Participation> rules;
  private final ContributionMetrics counts;

  private ContributionBounds bounds;

  /** What was granted last; null until something was, for then no due tick can be drawn. */
  private SamplingSchedule schedule;

  /** The last tick whose timers have all fired. */
  private long firedTick = GrantGate.UNKNOWN;

  private boolean timeHasEnded;

  /**
   * @param gate which grants count; its owner tells it of epochs, grants and ticks
   * @param rules who may be drawn, all of them; those of {@code lifetimes} belong here too
   */
  UserSampling(
      ContributionBounds bounds,
      Randomness randomness,
      GrantGate gate,
      UserStore users,
      Lifetimes lifetimes,
      List<Participation> rules,
      ContributionMetrics counts) {
    this.configuredBounds = bounds;
    this.bounds = bounds;
    this.randomness = randomness;
    this.gate = gate;
    this.users = users;
    this.lifetimes = lifetimes;
    this.rules = List.copyOf(rules);
    this.counts = counts;
  }

  // ---- events ----

  /**
   * The current user said something.
   *
   * @return whether it was offered to the user's pool, of which something is kept then; false if
   *     the user may take part no more
   */
  boolean arrived(UserEvent event) throws Exception {
    Taken user = users.findOrCreate(event.userId());
    UniformRandomProvider random = randomness.forUser(event.userId());
    if (gate.epochStarted()) {
      // not beyond the ticks that have fired: a timer still to fire may want the older windows
      advance(user.pool(), firedTick + 1, random);
    }
    if (!lifetimes.counts(user.pool(), event)) {
      counts.eventTurnedAway();
      retire(user);
      return false;
    }
    int slot;
    if (gate.epochStarted()) {
      slot = user.pool().offer(gate.closedTick(), bounds, random);
      drawDueTicks(user.pool(), gate.closedTick(), random);
    } else {
      slot = user.pool().offerProvisional(bounds, random);
      users.awaitFirstTick();
    }
    if (slot == UserPool.NOT_KEPT) {
      counts.eventBoundedAway();
    } else {
      users.keep(slot, event);
    }
    users.store(user, firedTick + 1);
    return true;
  }

  /** Drops all that is kept of a user who may take part no more. */
  private void retire(Taken user) throws Exception {
    if (lifetimes.end(user.pool())) {
      counts.userRetired();
    }
    if (user.stored()) {
      users.erase(user);
    }
  }

  /** The current user is to be forgotten, at once. */
  void erase(String userId) throws Exception {
    Taken user = users.find(userId).orElse(null);
    if (user == null) {
      return;
    }
    counts.userErased();
    if (gate.epochStarted()) {
      // a stretch that was over before ends where it did
      advance(user.pool(), firedTick + 1, randomness.forUser(userId));
    } else if (user.pool().stretch != null) {
      // it may have been in rounds that the state does not know: it ends once these are known
      users.erase(user);
      users.awaitFirstTick();
      users.store(user.emptied(), firedTick + 1);
      return;
    }
    lifetimes.end(user.pool());
    users.erase(user);
  }

  // ---- grants ----

  /**
   * A grant to sample has come, before the gate keeps it.
   *
   * @return what must be done with every user before the timers of its tick fire; empty for nothing
   * @throws IllegalStateException if it changes the schedule while another round is in flight
   */
  Optional<UserWalk.Visit> granted(Grant grant) {
    RoundMechanism mechanism = grant.mechanism();
    SamplingSchedule granted = SamplingSchedule.of(mechanism);
    boolean changes = !granted.equals(schedule);
    if (changes && gate.latest().isPresent()) {
      throw new IllegalStateException(
          "The grant of round %d changes the sampling to %s while round %d is in flight; at most one round may be"
              .formatted(grant.round(), granted, gate.latest().get().round()));
    }
    bounds =
        mechanism.sampler() == Sampler.ELS
            ? configuredBounds.cutTo(mechanism.groupSize())
            : configuredBounds;
    if (!changes) {
      return Optional.empty();
    }
    boolean firstOfAttempt = schedule == null;
    schedule = granted;
    long lastClosed = grant.tick() - 1;
    return Optional.of(userId -> giveDueTick(userId, lastClosed, firstOfAttempt));
  }

  /** Gives the user a due tick of the schedule that is granted now, where there is none. */
  private void giveDueTick(String userId, long lastClosed, boolean firstOfAttempt)
      throws Exception {
    Taken user = users.find(userId).orElse(null);
    if (user == null) {
      return;
    }
    if (firstOfAttempt) {
      // this state may come from an attempt of other windows, or from one whose time had ended
      users.rearm(user);
    }
    if (!user.pool().hasDueTicksOf(schedule)) {
      UniformRandomProvider random = randomness.forUser(userId);
      advance(user.pool(), firedTick + 1, random);
      user.pool().clearDueTicks(lastClosed);
      drawDueTicks(user.pool(), lastClosed, random);
      users.store(user, firedTick + 1);
    }
  }

  /** The bounds of the mechanism that was granted last. */
  ContributionBounds bounds() {
    return bounds;
  }

  // ---- ticks ----

  /** All timers up to a tick have fired. */
  void firedUpTo(long tick) {
    firedTick = tick;
  }

  /** No tick comes any more: what is kept stays as it is, for whoever restores it. */
  void endTime() {
    timeHasEnded = true;
    users.endTime();
  }

  /**
   * The current user's timer fires.
   *
   * @param timerTick where it was
   * @return what is drawn of the user in the round that is granted for this tick; empty for nothing
   */
  Optional<UserSample> fire(String userId, long timerTick) throws Exception {
    Optional<Grant> grant = gate.at(timerTick).filter(UserSampling::takesSamples);
    // before the first grant's visit this may be the state of a version with other timers
    Taken user =
        users
            .find(userId)
            .map(taken -> schedule == null ? taken.uncertain() : taken.fired(timerTick))
            .orElse(null);
    if (user == null || (timeHasEnded && grant.isEmpty())) {
      return Optional.empty();
    }
    UniformRandomProvider random = randomness.forUser(userId);
    // a timer from before this epoch speaks for a tick that nothing can grant any more
    long tick = Math.max(timerTick, gate.firstTick() - 1);
    advance(user.pool(), tick, random);
    Optional<UserSample> drawn =
        grant.isPresent() ? draw(user, grant.get(), random) : Optional.empty();
    if (lifetimes.isSpent(user.pool(), grant)) {
      retire(user);
      return drawn;
    }
    if (!timeHasEnded) {
      // while no mechanism is known the due tick is only cleared; the first grant draws a new one
      user.pool().clearDueTicks(tick);
    }
    drawDueTicks(user.pool(), tick, random);
    users.store(user, firedTick + 1);
    return drawn;
  }

  /** A grant to count users takes no sample. */
  private static boolean takesSamples(Grant grant) {
    return !(grant.mechanism().query() instanceof CountHistogram);
  }

  private Optional<UserSample> draw(Taken user, Grant grant, UniformRandomProvider random)
      throws Exception {
    for (Participation rule : rules) {
      if (!rule.mayBeDrawn(user, grant)) {
        return Optional.empty();
      }
    }
    RoundMechanism mechanism = grant.mechanism();
    int[] slots =
        user.pool()
            .sample(
                grant.tick(),
                SamplingSchedule.of(mechanism),
                mechanism.groupSize(),
                bounds,
                random);
    if (slots.length == 0) {
      return Optional.empty();
    }
    counts.userSampled(slots.length);
    return Optional.of(
        new UserSample(
            grant.epoch(), grant.round(), grant.tick(), user.userId(), users.examples(slots)));
  }

  private void advance(UserPool pool, long tick, UniformRandomProvider random) {
    // of whom nothing was left before ticks were known was in no round of this epoch
    long end = pool.size() == 0 ? gate.firstTick() : pool.lastExpiry(bounds);
    pool.advance(tick, gate.firstTick(), bounds, random, users::remove);
    if (pool.isEmpty()) {
      lifetimes.emptied(pool, end);
    }
  }

  private void drawDueTicks(UserPool pool, long lastClosed, UniformRandomProvider random) {
    if (schedule != null && !timeHasEnded) {
      pool.drawDueTicks(schedule, lastClosed, random);
    }
  }
}
