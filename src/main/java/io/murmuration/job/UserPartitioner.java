package io.murmuration.job;

import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.UserSample;
import org.apache.flink.api.common.functions.Partitioner;
import org.apache.flink.util.MathUtils;

/**
 * Which worker takes a record: all records of a user go to the same one, so that dropping a second
 * one stays local. What samplers count has no user and goes to the first.
 */
final class UserPartitioner implements Partitioner<String> {

  private static final long serialVersionUID = 1L;

  /** Stands in the place of a user id, which is never empty. */
  private static final String NOBODY = "";

  /** The user of a record. */
  static String keyOf(CohortRecord record) {
    return record instanceof UserSample sample ? sample.userId() : NOBODY;
  }

  @Override
  public int partition(String userId, int workers) {
    return userId.isEmpty() ? 0 : MathUtils.murmurHash(userId.hashCode()) % workers;
  }
}
