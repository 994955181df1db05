package io.murmuration.training;

import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.UserCounts;
import io.murmuration.contribution.UserSample;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.GrantGate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Gathers the cohort of each granted round until the round's watermark says that it is complete.
 *
 * <p>Samples and grants come over different channels, so either may be first. The rules:
 *
 * <ul>
 *   <li>which grants count is {@link GrantGate}'s affair, as it is in the sampler,
 *   <li>a sample counts once per user and round, and only for a grant of its own epoch, round and
 *       tick,
 *   <li>a watermark releases the grants up to it in the order of their ticks, each exactly once; an
 *       empty cohort is a cohort,
 *   <li>nothing of it is ever part of a snapshot: a cohort in flight when a job fails is lost,
 *       while its charge stands.
 * </ul>
 *
 * <p>Not thread-safe.
 */
public final class CohortBuffer {

  /**
   * A round that may run now.
   *
   * @param grant its leave
   * @param samples one per sampled user, in order of arrival; may be empty
   * @param counts one per sampler where the round counts users; else empty
   */
  public record Cohort(Grant grant, List<UserSample> samples, List<UserCounts> counts) {

    public Cohort {
      samples = List.copyOf(samples);
      counts = List.copyOf(counts);
    }

    /** The cohort of a round that samples users. */
    public Cohort(Grant grant, List<UserSample> samples) {
      this(grant, samples, List.of());
    }
  }

  private final GrantGate gate;
  private final TreeMap<Long, Map<String, UserSample>> samplesByTick = new TreeMap<>();
  private final TreeMap<Long, List<UserCounts>> countsByTick = new TreeMap<>();

  /**
   * @param lastEpoch the last epoch that a restored state saw, 0 at a first start; it and all
   *     before it are refused
   */
  public CohortBuffer(long lastEpoch) {
    this.gate = new GrantGate(lastEpoch);
  }

  /** The last epoch seen; it belongs into the snapshot. */
  public long lastEpoch() {
    return gate.lastEpoch();
  }

  /** A new attempt begins: what earlier ones left here is void. */
  public void onEpochStart(EpochStart start) {
    if (gate.startEpoch(start)) {
      forgetWhatIsOver(samplesByTick, countsByTick);
    }
  }

  /**
   * Takes a grant.
   *
   * @return whether it counts; false for a grant of an epoch that is over, or that never began here
   */
  public boolean onGrant(Grant grant) {
    boolean counts = gate.admits(grant);
    if (counts) {
      gate.add(grant);
    }
    return counts;
  }

  /**
   * Takes one user's sample. A sample of an epoch that has not begun here yet waits: its EpochStart
   * may still be on its way on the other channel.
   *
   * @return whether it was kept; false for stale samples and duplicates
   */
  public boolean onSample(UserSample sample) {
    if (isStale(sample)) {
      return false;
    }
    return samplesByTick
            .computeIfAbsent(sample.tick(), tick -> new LinkedHashMap<>())
            .putIfAbsent(sample.userId(), sample)
        == null;
  }

  /**
   * Takes one sampler's counts, by the same rules.
   *
   * @return whether they were kept; false for stale ones
   */
  public boolean onCounts(UserCounts counts) {
    if (isStale(counts)) {
      return false;
    }
    return countsByTick.computeIfAbsent(counts.tick(), tick -> new ArrayList<>()).add(counts);
  }

  private boolean isStale(CohortRecord part) {
    return gate.isOver(part.epoch(), part.tick());
  }

  /**
   * All ticks up to {@code watermark} are complete: returns their granted cohorts in order of
   * ticks.
   */
  public List<Cohort> onWatermark(long watermark) {
    List<Cohort> complete = new ArrayList<>();
    for (Grant grant : gate.upTo(watermark)) {
      Map<String, UserSample> users = samplesByTick.getOrDefault(grant.tick(), Map.of());
      complete.add(
          new Cohort(
              grant,
              users.values().stream()
                  .filter(s -> s.epoch() == grant.epoch() && s.round() == grant.round())
                  .toList(),
              countsByTick.getOrDefault(grant.tick(), List.of()).stream()
                  .filter(c -> c.epoch() == grant.epoch() && c.round() == grant.round())
                  .toList()));
    }
    gate.forget(watermark);
    gate.close(watermark);
    forgetWhatIsOver(samplesByTick.headMap(watermark, true), countsByTick.headMap(watermark, true));
    return complete;
  }

  private void forgetWhatIsOver(
      Map<Long, Map<String, UserSample>> samples, Map<Long, List<UserCounts>> counts) {
    samples.values().forEach(users -> users.values().removeIf(this::isStale));
    samples.values().removeIf(Map::isEmpty);
    counts.values().forEach(parts -> parts.removeIf(this::isStale));
    counts.values().removeIf(List::isEmpty);
  }
}
