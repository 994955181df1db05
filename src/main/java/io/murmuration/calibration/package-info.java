/**
 * Chooses bound, clip norm and noise of training from the stream, and pays for the look.
 *
 * <p>A calibration is one or two rounds, each charged like a round of training to a phase of its
 * own, that measure histograms: of users' event counts, or of sampled users' gradient norms at each
 * candidate bound. The histograms are noised once; everything in this package works on the noised
 * numbers and on public configuration, and so is post-processing. The parts:
 *
 * <ol>
 *   <li>{@link io.murmuration.calibration.CalibrationTerms}: what is public and fixed;
 *   <li>{@link io.murmuration.calibration.NormHistogram}: how norms enter a histogram;
 *   <li>{@link io.murmuration.calibration.NoisyHistogram}: quantiles of noised bins;
 *   <li>{@link io.murmuration.calibration.CalibrationChoice}: from noised histograms to the
 *       mechanism of training, by the rules of {@link io.murmuration.planning};
 *   <li>{@link io.murmuration.calibration.CalibrationSchedule}: which phase is due, from the ledger
 *       alone.
 * </ol>
 *
 * <p>Pure: knows neither Flink nor DJL nor Kafka.
 */
package io.murmuration.calibration;
