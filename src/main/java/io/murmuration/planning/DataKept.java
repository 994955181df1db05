package io.murmuration.planning;

/**
 * What a bound keeps of the data, the other half of the trade: noise is what it costs, this is what
 * it is paid for. Each in (0, 1].
 *
 * <p>Under ELS that is what the pools hold for all of training. Under ULS it is what one round can
 * use of a sampled user: every round draws afresh from a pool that may hold more than G, so that
 * all of a pool takes part in time.
 *
 * @param examples share of all examples that are kept: Σ min(c, G) / Σ c over users with c examples
 * @param userMass mean over users of the share of their own examples that are kept: min(c, G) / c
 * @param wholeUsers share of users of whom everything is kept: c ≤ G
 */
public record DataKept(double examples, double userMass, double wholeUsers) {}
