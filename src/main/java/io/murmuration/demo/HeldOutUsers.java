package io.murmuration.demo;

import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.Comparator;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.commons.codec.digest.DigestUtils;

/**
 * Chooses users who are kept out of training, by a hash of their ids: the same users everywhere,
 * without a list.
 */
public final class HeldOutUsers {
  private HeldOutUsers() {}

  /**
   * The users whose hash lies in the lowest part of the range.
   *
   * @param fraction expected share of users, in [0, 1]
   */
  public static Predicate<String> fraction(double fraction) {
    if (!(fraction >= 0 && fraction <= 1)) {
      throw new IllegalArgumentException(
          "the share of users to hold out must lie in [0, 1], not " + fraction);
    }
    // The upper 63 bits as a number in [0, 1).
    return userId -> (hash(userId) >>> 1) * 0x1.0p-63 < fraction;
  }

  /**
   * The {@code count} users with the lowest hashes.
   *
   * @throws IllegalArgumentException when there are not so many different ids
   */
  public static Set<String> lowest(Collection<String> userIds, int count) {
    Set<String> lowest =
        userIds.stream()
            .distinct()
            .sorted(
                Comparator.comparing(HeldOutUsers::hash, Long::compareUnsigned)
                    .thenComparing(Comparator.naturalOrder()))
            .limit(count)
            .collect(Collectors.toUnmodifiableSet());
    if (lowest.size() < count) {
      throw new IllegalArgumentException(
          "cannot hold out %d of %d users".formatted(count, lowest.size()));
    }
    return lowest;
  }

  private static long hash(String userId) {
    return ByteBuffer.wrap(DigestUtils.sha256(userId)).getLong();
  }
}
