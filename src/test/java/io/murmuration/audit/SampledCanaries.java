package io.murmuration.audit;

import io.murmuration.event.Example;
import io.murmuration.training.CanaryEngine;
import io.murmuration.training.GradientEngine;
import io.murmuration.training.GradientSource;
import io.murmuration.training.PrivacySlice;
import io.murmuration.training.PublicWatch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Canaries whose gradients the workers of a round were asked for. At most one round is in flight,
 * so that all that was seen between two rounds' ends is of the second.
 *
 * <p>Thread-safe: workers have threads of their own.
 */
final class SampledCanaries {

  private final AuditSetting setting;
  private final Plant plant;
  private final List<Execution.Sampled> users = new ArrayList<>();

  /** How many examples of each canary came, where an example is a slice. */
  private final Map<Integer, Integer> examples = new LinkedHashMap<>();

  SampledCanaries(AuditSetting setting, Plant plant) {
    this.setting = setting;
    this.plant = plant;
  }

  /** An engine of a worker. */
  GradientEngine engine() {
    return new CanaryEngine(setting.canaries().coordinates(), plant.clipping(), this::saw);
  }

  /** A worker's source of engines. */
  GradientSource source() {
    return new GradientSource() {
      @Override
      public GradientEngine engine(float[] frozen) {
        return SampledCanaries.this.engine();
      }

      @Override
      public PublicWatch watch(GradientEngine engine) {
        String text = CanaryEngine.text(/* coordinate= */ 0, /* norm= */ 1);
        return new PublicWatch(engine, List.of(new Example(/* prompt= */ null, text)));
      }

      @Override
      public void close() {}
    };
  }

  private synchronized void saw(List<PrivacySlice> slices) {
    for (PrivacySlice slice : slices) {
      int canary = CanaryEngine.coordinate(slice.examples().get(0).text());
      if (setting.isUserLevel()) {
        users.add(new Execution.Sampled(canary, slice.examples().size()));
      } else {
        examples.merge(canary, 1, Integer::sum);
      }
    }
  }

  /** What was seen since the last call. */
  synchronized List<Execution.Sampled> take() {
    List<Execution.Sampled> seen = new ArrayList<>(users);
    examples.forEach((canary, count) -> seen.add(new Execution.Sampled(canary, count)));
    users.clear();
    examples.clear();
    return seen;
  }
}
