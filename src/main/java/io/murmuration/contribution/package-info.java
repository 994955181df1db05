/**
 * What each user can contribute, and how rounds sample from it.
 *
 * <p>The rules are pure: {@link io.murmuration.contribution.UserPool} bounds and clocks one user's
 * examples, {@link io.murmuration.contribution.SamplingSchedule} draws the clocks, {@link
 * io.murmuration.contribution.SubsetSampling} draws from a pool. {@link
 * io.murmuration.contribution.BoundAndSampleOperator} runs them on keyed state.
 */
package io.murmuration.contribution;
