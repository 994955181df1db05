package io.murmuration.contribution;

import io.murmuration.event.Example;
import java.util.List;

/**
 * All that one user contributes to one round: one record per (round, user).
 *
 * @param epoch epoch of the grant that let it out
 * @param round the granted round
 * @param tick the grant's tick
 * @param userId whose it is; for dropping duplicates inside the trust boundary, never released
 * @param examples at least one, at most G
 */
public record UserSample(long epoch, long round, long tick, String userId, List<Example> examples)
    implements CohortRecord {

  public UserSample {
    examples = List.copyOf(examples);
    if (examples.isEmpty()) {
      throw new IllegalArgumentException("a user's sample holds at least one example");
    }
  }
}
