/**
 * The privacy accountant: what (ε, δ) a mechanism costs after many rounds, and what a budget
 * affords.
 *
 * <p>Everything is stated for the add/remove relation: the two datasets differ by one user with all
 * of that user's data, and ε is the larger of the two directions. Every ε and δ that leaves this
 * package is an upper bound of the true one. The steps, each a class of its own:
 *
 * <ol>
 *   <li>a {@link io.murmuration.privacy.accounting.Mechanism} names the round and its parameters;
 *   <li>a {@code DominatingPair} is the pair of distributions that no neighbouring inputs can be
 *       told apart better than;
 *   <li>{@code LossCells} and {@code ConnectTheDots} put its privacy loss on a grid,
 *       pessimistically;
 *   <li>{@code TiltedComposition} convolves the grid with itself by an exponentially tilted FFT
 *       whose rounding error is bounded and paid for in δ;
 *   <li>{@link io.murmuration.privacy.accounting.PldAccountant} asks the questions.
 * </ol>
 *
 * <p>Where mechanisms are chosen while a domain lives, {@link
 * io.murmuration.privacy.accounting.Choice} says among what, {@code ChoiceProfile} has the pair
 * that dominates whatever is chosen, with the proof, and {@link
 * io.murmuration.privacy.accounting.JointComposition} is composed of them.
 *
 * <p>{@link io.murmuration.privacy.accounting.RdpAccountant} and {@link
 * io.murmuration.privacy.accounting.HockeyStickIntegral} share none of that code and check it.
 *
 * <p>Pure: depends on the JDK, an FFT library and special functions only.
 */
package io.murmuration.privacy.accounting;
