package io.murmuration.contribution;

/**
 * What is remembered of a user of whom nothing is kept: how many rounds have counted. Never
 * expires, and outlives an erasure, or forgetting would buy a fresh lifetime. It is there for every
 * user of whom anything was ever kept, whether or not a round counted: rounds that others charged
 * while this state did not know of them count for everybody whom the state knows.
 *
 * @param generation whose rounds are counted; 0 if none had begun
 * @param used rounds that have counted
 * @param end the last round that was known when the user's last stretch ended: rounds that others
 *     charged after it count too
 * @param retired whether the user may take part no more in this generation
 */
record Lifetime(int generation, long used, long end, boolean retired) {}
