package io.murmuration.chaos;

import io.murmuration.privacy.mechanism.Sampler;
import java.nio.file.Path;
import java.time.Duration;

/**
 * How much chaos.
 *
 * @param directory for everything that the run writes; must not exist or be empty
 * @param seed of what is killed when
 * @param duration for which cycles are begun; the first is always completed
 * @param kills cycles are begun until so many kills are done; 0 for one of each kind in each cycle
 * @param brokerAway how long the broker stays away before the first cycle; zero for not at all
 * @param firstPort three ports from here on; 0 lets the operating system choose
 * @param horizon what is sampled where the budget is each user's; null where it is the domain's
 */
record ChaosOptions(
    Path directory,
    long seed,
    Duration duration,
    int kills,
    Duration brokerAway,
    int firstPort,
    Sampler horizon) {}
