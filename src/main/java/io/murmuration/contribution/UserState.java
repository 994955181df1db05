package io.murmuration.contribution;

import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeutils.base.IntSerializer;
import org.apache.flink.api.common.typeutils.base.LongSerializer;

/**
 * The states of {@code bound & sample} by name and serializer, for the operator that writes them
 * and for whoever reads a savepoint.
 */
final class UserState {

  /** Name of the state that every user of whom something is kept has. */
  static final String POOL = "pool";

  /** Keyed: the bookkeeping. */
  static ValueStateDescriptor<UserPool> pool() {
    return new ValueStateDescriptor<>(POOL, new UserPoolSerializer());
  }

  /** Keyed: slot to example. */
  static MapStateDescriptor<Integer, PooledExample> examples() {
    return new MapStateDescriptor<>(
        "examples", IntSerializer.INSTANCE, new PooledExampleSerializer());
  }

  /** Keyed: what has counted of a user's lifetime, where users have one. Never cleared. */
  static ValueStateDescriptor<Lifetime> lifetime() {
    return new ValueStateDescriptor<>("lifetime", new LifetimeSerializer());
  }

  /** Operator state, union list: what the subtasks know of rounds, where users have a lifetime. */
  static ListStateDescriptor<SamplerHistory> history() {
    return new ListStateDescriptor<>("history", new SamplerHistorySerializer());
  }

  /** Operator state, union list: the last epoch, which is the largest. */
  static ListStateDescriptor<Long> lastEpoch() {
    return new ListStateDescriptor<>("last-epoch", LongSerializer.INSTANCE);
  }

  private UserState() {}
}
