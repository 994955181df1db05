package io.murmuration.contribution;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.state.api.functions.KeyedStateReaderFunction;
import org.apache.flink.util.Collector;

/** Reads the keyed state of {@code bound & sample} from a savepoint: one footprint a user. */
public final class UserFootprintFunction extends KeyedStateReaderFunction<String, UserFootprint> {

  private static final long serialVersionUID = 1L;

  /** About a user's usual state; the buffer grows. */
  private static final int INITIAL_BYTES = 1024;

  private transient ValueState<UserPool> pools;
  private transient MapState<Integer, PooledExample> examples;
  private transient ValueState<Lifetime> lifetimes;
  private transient DataOutputSerializer buffer;

  @Override
  public void open(OpenContext context) {
    pools = getRuntimeContext().getState(UserState.pool());
    examples = getRuntimeContext().getMapState(UserState.examples());
    lifetimes = getRuntimeContext().getState(UserState.lifetime());
    buffer = new DataOutputSerializer(INITIAL_BYTES);
  }

  @Override
  public void readKey(String userId, Context context, Collector<UserFootprint> out)
      throws Exception {
    UserPool pool = pools.value();
    Lifetime lifetime = lifetimes.value();
    if (pool == null && lifetime == null) {
      throw new IllegalStateException(
          "A user has examples but no pool: the savepoint is not one of bound & sample, or corrupt");
    }
    long bytes = 0;
    if (lifetime != null) {
      buffer.clear();
      new LifetimeSerializer().serialize(lifetime, buffer);
      bytes = buffer.length();
    }
    UserFootprint.Count count =
        lifetime == null ? null : new UserFootprint.Count(lifetime.used(), lifetime.retired());
    if (pool == null) {
      out.collect(UserFootprint.ofCountAlone(count, bytes));
      return;
    }
    buffer.clear();
    new UserPoolSerializer().serialize(pool, buffer);
    bytes += buffer.length();
    for (PooledExample example : examples.values()) {
      buffer.clear();
      new PooledExampleSerializer().serialize(example, buffer);
      bytes += buffer.length();
    }
    out.collect(UserFootprint.of(pool, count, bytes));
  }
}
