package io.murmuration.experiment;

import io.murmuration.contribution.SubsetSampling;
import io.murmuration.contribution.UserSample;
import io.murmuration.contribution.UserTurns;
import io.murmuration.event.Example;
import io.murmuration.event.UserPseudonyms;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * What the keyed operator would send to the trainer if every user's events had arrived before the
 * first round and none expired: Poisson samples, from repeatable random.
 */
final class SimulatedSampling {

  /** What turns are drawn by where noise is correlated; any key does. */
  static final UserPseudonyms TURN_KEY = new UserPseudonyms(new byte[32]);

  private final RoundMechanism mechanism;
  private final UserTurns turns = UserTurns.of(TURN_KEY);
  private final Map<String, List<Example>> pools = new LinkedHashMap<>();
  private final UniformRandomProvider random;

  SimulatedSampling(
      Map<String, List<Example>> users, RoundMechanism mechanism, UniformRandomProvider random) {
    this.mechanism = mechanism;
    this.random = random;
    users.forEach(
        (user, examples) ->
            pools.put(
                user,
                mechanism.sampler() == Sampler.ELS
                    ? draw(examples, mechanism.groupSize())
                    : examples));
  }

  /** The sample of one round. */
  List<UserSample> sample(Grant grant) {
    List<UserSample> samples = new ArrayList<>();
    pools.forEach(
        (user, pool) -> {
          if (!turns.isTurnOf(user, grant)) {
            return;
          }
          List<Example> drawn =
              switch (mechanism.sampler()) {
                case ULS -> heads() ? draw(pool, mechanism.groupSize()) : List.<Example>of();
                case ELS -> pool.stream().filter(example -> heads()).toList();
              };
          if (!drawn.isEmpty()) {
            samples.add(new UserSample(grant.epoch(), grant.round(), grant.tick(), user, drawn));
          }
        });
    return samples;
  }

  private boolean heads() {
    return random.nextDouble() < mechanism.probabilityInTurn();
  }

  private List<Example> draw(List<Example> examples, int size) {
    int[] all = IntStream.range(0, examples.size()).toArray();
    return IntStream.of(SubsetSampling.draw(all, size, random)).mapToObj(examples::get).toList();
  }
}
