package io.murmuration.contribution;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.mechanism.Sampler;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import org.apache.commons.rng.UniformRandomProvider;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;

/** Invariants of a pool under any sequence of events, ticks, bounds, schedules and restores. */
class UserPoolPropertyTest {

  private static final UserPoolSerializer SERIALIZER = new UserPoolSerializer();

  private enum Kind {
    EVENT,
    EVENT_BEFORE_TICKS_ARE_KNOWN,
    TICKS,
    BOUNDS,
    ULS_ROUND,
    ELS_ROUND,
    RESTORE
  }

  record Step(Kind kind, int ticks, double probability, ContributionBounds bounds) {}

  @Provide
  Arbitrary<List<Step>> steps() {
    Arbitrary<ContributionBounds> bounds =
        Combinators.combine(
                Arbitraries.longs().between(1, 6),
                Arbitraries.integers().between(1, 4),
                Arbitraries.integers().between(1, 3))
            .as(ContributionBounds::new);
    Arbitrary<Kind> kinds =
        Arbitraries.frequency(
            Tuple.of(10, Kind.EVENT),
            Tuple.of(3, Kind.EVENT_BEFORE_TICKS_ARE_KNOWN),
            Tuple.of(3, Kind.TICKS),
            Tuple.of(1, Kind.BOUNDS),
            Tuple.of(3, Kind.ULS_ROUND),
            Tuple.of(3, Kind.ELS_ROUND),
            Tuple.of(1, Kind.RESTORE));
    return Combinators.combine(
            kinds, Arbitraries.integers().between(1, 9), Arbitraries.of(1.0, 0.5, 1e-9), bounds)
        .as(Step::new)
        .list()
        .ofMaxSize(80);
  }

  @Property(tries = 500, seed = "20")
  void pool_staysBounded_itsSlotsDistinct_andItsSamplesLive(
      @ForAll("steps") List<Step> steps, @ForAll long seed) throws IOException {
    UniformRandomProvider random = SeededRandomness.stream(seed);
    ContributionBounds bounds = new ContributionBounds(3, 2, 2);
    UserPool pool = new UserPool(bounds.windowTicks());
    Map<Integer, Long> slots = new HashMap<>();
    long closed = 9;
    for (Step step : steps) {
      switch (step.kind()) {
        case EVENT -> {
          pool.advance(closed + 1, closed + 1, bounds, random, slots::remove);
          int slot = pool.offer(closed, bounds, random);
          if (slot != UserPool.NOT_KEPT) {
            slots.put(slot, closed);
          }
        }
        case EVENT_BEFORE_TICKS_ARE_KNOWN -> {
          int slot = pool.offerProvisional(bounds, random);
          if (slot != UserPool.NOT_KEPT) {
            slots.put(slot, Long.MAX_VALUE);
          }
        }
        case TICKS -> closed += step.ticks();
        case BOUNDS -> bounds = step.bounds();
        case ULS_ROUND, ELS_ROUND -> {
          Sampler sampler = step.kind() == Kind.ULS_ROUND ? Sampler.ULS : Sampler.ELS;
          SamplingSchedule schedule = new SamplingSchedule(sampler, step.probability());
          long tick = closed + 1;
          pool.advance(tick, tick, bounds, random, slots::remove);
          slots.replaceAll((slot, arrival) -> Math.min(arrival, tick - 1));
          pool.clearDueTicks(closed);
          pool.drawDueTicks(schedule, closed, random);
          assertThat(pool.nextDueTick()).isGreaterThan(closed);
          int[] sampled = pool.sample(tick, schedule, step.ticks(), bounds, random);
          assertThat(sampled).doesNotHaveDuplicates();
          if (step.probability() == 1) {
            int all = pool.size();
            assertThat(sampled).hasSize(sampler == Sampler.ULS ? Math.min(step.ticks(), all) : all);
          }
          for (int slot : sampled) {
            assertThat(slots.get(slot)).isLessThan(tick);
          }
          assertThat(pool.size()).isLessThanOrEqualTo(bounds.poolSize());
          closed = tick;
        }
        case RESTORE -> {
          UserPool restored = copyThroughBytes(pool);
          assertThat(bytes(restored)).isEqualTo(bytes(pool));
          pool = restored;
        }
      }
      pool = pool.copy();
      assertThat(pool.size()).isEqualTo(slots.size());
      pool.forEachSlot(slot -> assertThat(slots).containsKey(slot));
    }
    pool.advance(closed + 1_000, closed + 1, bounds, random, slots::remove);
    assertThat(pool.isEmpty()).isTrue();
    assertThat(slots).isEmpty();
  }

  private static byte[] bytes(UserPool pool) throws IOException {
    DataOutputSerializer out = new DataOutputSerializer(64);
    SERIALIZER.serialize(pool, out);
    return out.getCopyOfBuffer();
  }

  private static UserPool copyThroughBytes(UserPool pool) throws IOException {
    return SERIALIZER.deserialize(new DataInputDeserializer(bytes(pool)));
  }
}
