package io.murmuration.release;

import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.PublicClock;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.List;
import java.util.Map;

/** Releases to publish in tests. */
public final class ReleaseFixtures {

  private ReleaseFixtures() {}

  /** What the releases of these tests have in common. */
  public static ReleaseContext context() {
    return new ReleaseContext(
        "chat",
        "run-1",
        "models/tiny",
        "ab".repeat(32),
        "Training began at LoRA factors drawn from a public seed.",
        ReleaseFormat.adapter(
            new PeftAdapter(8, 16, List.of("q_proj", "v_proj"), "models/tiny", false)));
  }

  /** A grant whose ε grows with its round and whose clock is not known. */
  public static Grant grant(long round) {
    return grant(round, PublicClock.UNKNOWN);
  }

  /** The same by a clock. */
  public static Grant grant(long round, PublicClock clock) {
    return new Grant(
        /* epoch= */ 3,
        round,
        /* tick= */ 100 + round,
        /* phase= */ 1,
        new RoundMechanism(
            Sampler.ULS,
            /* samplingProbability= */ 0.0625,
            /* groupSize= */ 2,
            /* noiseMultiplier= */ 0.903,
            /* clipNorm= */ 1,
            /* expectedUnits= */ 1024),
        /* epsilonSpent= */ 0.10001 * round,
        /* delta= */ 1e-6,
        "%064x".formatted(round),
        clock);
  }

  /** A round's release; the weights are that number. */
  public static RoundRelease release(long round, float weight) {
    return release(grant(round), weight);
  }

  /** The release of a grant; the weights are that number. */
  public static RoundRelease release(Grant grant, float weight) {
    return new RoundRelease(
        grant,
        SafetensorsWriter.write(
            Map.of("format", "pt"),
            List.of(new NamedTensor("w", List.of(1L), new float[] {weight}))));
  }

  /** A round's release as files. */
  public static ReleaseFiles files(long round, float weight) {
    return ReleaseFiles.of(context(), release(round, weight));
  }
}
