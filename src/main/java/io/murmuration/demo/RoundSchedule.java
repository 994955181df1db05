package io.murmuration.demo;

import io.murmuration.config.TrainingConfig;
import io.murmuration.planning.RoundDuration;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.rounds.GradientTiming;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/**
 * The public schedule of a demo's rounds: as fast as this machine can keep to it.
 *
 * <p>What a round takes is estimated from made-up sentences, so that the interval tells nothing of
 * anybody's. An interval that a ledger has stays: it counts its ticks by it.
 */
final class RoundSchedule {

  /** Made-up sentences that are timed. */
  private static final int SENTENCES = 64;

  /** The job shares the machine with broker, web UI and whoever measures the releases. */
  private static final double MARGIN = 1.5;

  /** What noise, checkpoint and release of a round take, however small it is. */
  private static final Duration OVERHEAD = Duration.ofMillis(500);

  /** Intervals are rounded up to tenths of a second: numbers that can be read. */
  private static final long STEP_MILLIS = 100;

  /** An interval for who needs one before there is one. */
  static final Duration ANY = Duration.ofSeconds(1);

  private RoundSchedule() {}

  /**
   * The interval that was asked for, else the ledger's, else one that rounds fit on this machine.
   *
   * @param training the job's, but for where training starts, which makes no difference
   */
  static Duration interval(DemoSettings settings, TrainingConfig training)
      throws IOException, LedgerException, InterruptedException {
    if (settings.roundInterval().isPresent()) {
      return settings.roundInterval().get();
    }
    List<LedgerEntry> entries = entries(settings.ledgerFile());
    if (!entries.isEmpty() && entries.get(0).record() instanceof LedgerRecord.Genesis genesis) {
      return Duration.ofMillis(genesis.roundIntervalMillis());
    }
    List<String> sentences = new PublicChat().heldOutBeforeTrend(settings.seed(), SENTENCES);
    RoundDuration round =
        new RoundDuration(
            GradientTiming.perExample(training, sentences),
            List.of(
                new RoundDuration.Load(
                    "training", settings.expectedCohort(), settings.groupSize())),
            training.parallelism(),
            Duration.ofDays(1));
    return fitting(round.atMost());
  }

  /** An interval for rounds that take so long on a machine that has nothing else to do. */
  static Duration fitting(Duration round) {
    double millis = MARGIN * round.toMillis() + OVERHEAD.toMillis();
    return Duration.ofMillis(STEP_MILLIS * (long) Math.ceil(millis / STEP_MILLIS));
  }

  /** Says an interval to people. */
  static String seconds(Duration interval) {
    return String.format(Locale.ROOT, "%.2f s", interval.toMillis() / 1000.0);
  }

  /** How many of the ledger's charges came later than the schedule had them. */
  static long late(Path ledgerFile) throws LedgerException, InterruptedException {
    return entries(ledgerFile).stream()
        .filter(entry -> entry.record() instanceof LedgerRecord.Charge charge && charge.isOverrun())
        .count();
  }

  private static List<LedgerEntry> entries(Path file) throws LedgerException, InterruptedException {
    try (Ledger ledger = new FileLedger(file)) {
      return ledger.read();
    }
  }
}
