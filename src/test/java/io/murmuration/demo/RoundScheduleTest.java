package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.config.TrainingConfig;
import io.murmuration.config.TrainingOptions.ParametersKind;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RoundScheduleTest {

  @TempDir private Path out;

  @Test
  void anIntervalLeavesRoomForWhatElseTheMachineDoes() {
    assertThat(RoundSchedule.fitting(Duration.ofMillis(1_000))).isEqualTo(Duration.ofMillis(2_000));
    assertThat(RoundSchedule.fitting(Duration.ofMillis(1_001)))
        .as("in whole steps, upwards")
        .isEqualTo(Duration.ofMillis(2_100));
    assertThat(RoundSchedule.fitting(Duration.ZERO)).isEqualTo(Duration.ofMillis(500));
    assertThat(RoundSchedule.seconds(Duration.ofMillis(2_100))).isEqualTo("2.10 s");
  }

  @Test
  void whoeverAsksForAnIntervalGetsIt() throws Exception {
    Duration asked = Duration.ofMillis(1_234);
    assertThat(RoundSchedule.interval(settings(512, Optional.of(asked)), training()))
        .isEqualTo(asked);
  }

  @Test
  void aLedgerCountsItsTicksByTheIntervalThatItHas() throws Exception {
    DemoSettings settings = settings(512, Optional.empty());
    try (FileLedger ledger = new FileLedger(settings.ledgerFile())) {
      ledger.open();
      ledger.append(
          LedgerEntry.after(
              LedgerState.empty(),
              new LedgerRecord.Genesis(
                  "demo",
                  LedgerRecord.UNIT,
                  LedgerRecord.NEIGHBOURING_RELATION,
                  /* epsilon= */ 8,
                  /* delta= */ 1e-6,
                  /* genesisMillis= */ 1_000,
                  /* roundIntervalMillis= */ 777)));
    }
    assertThat(RoundSchedule.interval(settings, training())).isEqualTo(Duration.ofMillis(777));
    assertThat(RoundSchedule.late(settings.ledgerFile())).isZero();
  }

  @Test
  void aFirstIntervalIsWhatRoundsTakeHere() throws Exception {
    Duration few = RoundSchedule.interval(settings(64, Optional.empty()), training());
    Duration many = RoundSchedule.interval(settings(64_000, Optional.empty()), training());

    // a thousandfold cohort; how fast the machine is, or what else it does, is not asserted
    assertThat(few).isGreaterThanOrEqualTo(Duration.ofMillis(500));
    assertThat(many).isGreaterThan(few);
  }

  private TrainingConfig training() throws Exception {
    return DemoCluster.configuration(
            settings(512, Optional.empty()),
            RoundSchedule.ANY,
            DemoModel.unpack(out.resolve("base-model")),
            "127.0.0.1:1",
            Optional.empty())
        .training();
  }

  private DemoSettings settings(double cohort, Optional<Duration> interval) {
    return new DemoSettings(
        /* events= */ null,
        /* model= */ null,
        out,
        out.resolve("ledger"),
        "demo",
        /* epsilon= */ 8,
        /* delta= */ 1e-6,
        /* raiseBudget= */ false,
        /* rounds= */ 80,
        /* lifetime= */ null,
        cohort,
        /* samplingProbability= */ 0.128,
        /* groupSize= */ 1,
        /* clipNorm= */ 1,
        /* learningRate= */ null,
        ParametersKind.LORA,
        /* loraRank= */ 8,
        /* maxTokens= */ 64,
        interval,
        OptionalDouble.empty(),
        /* heldOutUsers= */ 1,
        /* heldOutMessages= */ 2,
        /* heldOutPublic= */ false,
        /* evaluateEvery= */ 10,
        /* checkpointInterval= */ Duration.ofSeconds(2),
        /* parallelism= */ 1,
        /* webPort= */ 8081,
        /* seed= */ 1);
  }
}
