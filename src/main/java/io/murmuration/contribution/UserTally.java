package io.murmuration.contribution;

import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import java.util.Arrays;

/**
 * Counts users by how many events each sent in the last window that was complete before the grant's
 * tick. A user is in one bin, or in none, whatever others did. Mutable.
 */
final class UserTally {

  private final CountHistogram query;
  private final Grant grant;
  private final ContributionBounds bounds;
  private final long window;
  private final long[] perBin;

  UserTally(CountHistogram query, Grant grant, ContributionBounds bounds) {
    this.query = query;
    this.grant = grant;
    this.bounds = bounds;
    window = bounds.windowOf(grant.tick()) - 1;
    perBin = new long[query.answerSize()];
  }

  /** Counts a user, at most once each. */
  void add(UserPool pool) {
    long seen = pool.eventsSeenIn(window, bounds);
    if (seen > 0) {
      perBin[query.binOf(seen)]++;
    }
  }

  /** The answer of those who were added. */
  UserCounts counts() {
    return new UserCounts(
        grant.epoch(), grant.round(), grant.tick(), Arrays.stream(perBin).boxed().toList());
  }
}
