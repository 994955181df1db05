/**
 * Chooses the contribution bound before training: predicts, from public numbers and from what was
 * measured or released about gradients and counts, how much noise each bound G costs and how much
 * data it keeps.
 *
 * <p>The question is of Charles et al., "Learning with User-Level Differential Privacy Under Fixed
 * Compute Budgets" (arXiv 2407.07737): a bound that every user satisfies drowns the model in noise,
 * a small one throws data away, and training once per bound costs compute and privacy. The steps,
 * each a class of its own:
 *
 * <ol>
 *   <li>{@link io.murmuration.planning.PlanningTerms}: what is fixed by the deployer;
 *   <li>{@link io.murmuration.planning.NormModel}: C(G), the typical norm of a user's mean
 *       gradient;
 *   <li>{@link io.murmuration.planning.CountDistribution}: how many examples users have;
 *   <li>{@link io.murmuration.planning.NoisePrediction}: s(G), with the derivation;
 *   <li>{@link io.murmuration.planning.BoundChoice}: the rules of both samplers.
 * </ol>
 *
 * <p>Pure: knows neither Flink nor DJL. Nothing here is private by itself: the choice is as private
 * as what goes into it.
 */
package io.murmuration.planning;
