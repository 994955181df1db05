package io.murmuration.contribution;

import io.murmuration.contribution.UserStore.Taken;
import io.murmuration.event.UserEvent;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.IntakeLimit;
import java.util.Optional;

/**
 * Lifetimes of H rounds. The rules are the {@link RoundBook}'s; here they meet what is kept of a
 * user: the present stretch, which is part of the pool, and what counted before, beside it.
 *
 * <table>
 *   <caption>Edge cases</caption>
 *   <tr><td>a user of whom nothing is kept speaks</td><td>a stretch begins, unless earlier ones have
 *       used all rounds</td></tr>
 *   <tr><td>a record is read again that was in rounds before</td><td>the stretch begins earlier, and
 *       may be over with that</td></tr>
 *   <tr><td>a pool runs empty</td><td>the stretch ends at the tick at which it did, however late it
 *       is noticed</td></tr>
 *   <tr><td>a user is erased</td><td>the stretch ends and the count stays</td></tr>
 *   <tr><td>… before an epoch has started</td><td>what was kept goes at once, and the stretch ends
 *       when the rounds are known that were charged meanwhile</td></tr>
 *   <tr><td>a pool without a stretch</td><td>its user is in no round: nobody would count it</td></tr>
 * </table>
 */
final class CountedLifetimes implements Lifetimes {

  private final RoundBook book;
  private final UserStore users;

  CountedLifetimes(RoundBook book, UserStore users) {
    this.book = book;
    this.users = users;
  }

  @Override
  public void startEpoch(EpochStart start) {
    book.startEpoch(start);
  }

  @Override
  public void limit(IntakeLimit before) {
    book.limit(before);
  }

  @Override
  public void granted(Grant grant) {
    book.granted(grant);
  }

  @Override
  public void fired() {
    book.fired();
  }

  @Override
  public void beginsAfresh(int partition, long offset) {
    book.beginsAfresh(partition, offset);
  }

  @Override
  public void saw(UserEvent event) {
    book.saw(event.partition(), event.offset());
  }

  @Override
  public Optional<SamplerHistory> snapshot() {
    return Optional.of(book.snapshot());
  }

  @Override
  public boolean counts(UserPool pool, UserEvent event) throws Exception {
    if (pool.stretch == null) {
      Optional<Lifetime> past = users.lifetime();
      if (past.filter(book::isRetired).isPresent()) {
        return false;
      }
      pool.stretch = book.begin(past, event.partition(), event.offset());
    } else {
      pool.stretch = book.extend(pool.stretch, event.partition(), event.offset());
    }
    return !book.isRetired(pool.stretch);
  }

  @Override
  public boolean mayBeDrawn(Taken user, Grant grant) {
    Stretch stretch = user.pool().stretch;
    return stretch != null && book.mayTakePart(stretch, grant);
  }

  @Override
  public boolean isSpent(UserPool pool, Optional<Grant> fired) {
    Stretch stretch = pool.stretch;
    if (stretch == null) {
      return false;
    }
    return fired
        .map(grant -> book.isRetiredAfter(stretch, grant.round()))
        .orElseGet(() -> book.isRetired(stretch));
  }

  @Override
  public void emptied(UserPool pool, long tick) {
    if (pool.stretch != null) {
      users.remember(book.endedAt(pool.stretch, tick));
      pool.stretch = null;
    }
  }

  @Override
  public boolean end(UserPool pool) {
    if (pool.stretch == null) {
      return false;
    }
    users.remember(book.endedNow(pool.stretch));
    pool.stretch = null;
    return true;
  }
}
