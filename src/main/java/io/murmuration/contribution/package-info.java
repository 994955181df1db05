/**
 * What each user can contribute, and how rounds sample from it.
 *
 * <p>The rules are pure: {@link io.murmuration.contribution.UserPool} bounds one user's examples
 * and says when they are due, {@link io.murmuration.contribution.SamplingSchedule} draws the due
 * ticks, {@link io.murmuration.contribution.SubsetSampling} draws from a pool. {@link
 * io.murmuration.contribution.BoundAndSampleOperator} runs them on keyed state.
 */
package io.murmuration.contribution;
