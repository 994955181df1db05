package io.murmuration.contribution;

import java.util.List;

/**
 * One sampler's part of a histogram of users by their number of events: exact, so inside the trust
 * boundary until train has noised the sum.
 *
 * @param epoch epoch of the grant that let it out
 * @param round the granted round
 * @param tick the grant's tick
 * @param users number of this sampler's users in each bin of the round's query
 */
public record UserCounts(long epoch, long round, long tick, List<Long> users)
    implements CohortRecord {

  public UserCounts {
    users = List.copyOf(users);
  }
}
