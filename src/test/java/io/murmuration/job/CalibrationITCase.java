package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.job.BrokerlessJob.Heard;
import io.murmuration.model.TinyModels;
import io.murmuration.privacy.ledger.ChargeHistory;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerRecord.Calibrated;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.release.CalibrationManifest;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.Manifest;
import io.murmuration.release.PrivacyStatement;
import io.murmuration.release.ReleaseAudit;
import io.murmuration.release.ReleaseManifest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The whole job: it calibrates, is started anew without its state, and trains as calibrated; or its
 * clip norm adapts.
 */
@Timeout(900)
class CalibrationITCase {

  private static final int ROUNDS = 6;

  @TempDir private Path directory;

  @Test
  void choosesTheBoundOfUserLevelSamplingAndTrainsWithItAfterAStartWithoutState() throws Exception {
    MurmurationConfig config = settings(Sampler.ULS).config();
    runUntilTraining(config);
    runUntilHalt(config);

    List<PhaseOpened> phases = records(PhaseOpened.class);
    assertThat(phases).hasSize(2);
    assertThat(records(Calibrated.class)).hasSize(1);
    CalibrationManifest calibration = calibrations().get(0);
    assertThat(calibration.outcome().noised()).hasSize(3);
    assertThat(calibration.outcome().noised().stream().flatMap(List::stream).toList())
        .isEqualTo(records(Calibrated.class).get(0).answer());
    assertThat(calibration.outcome().chosen()).isEqualTo(phases.get(1).mechanism());
    assertTrained(calibration, phases.get(1));
  }

  @Test
  void choosesTheBoundOfExampleLevelSamplingFromCountsAndNorms() throws Exception {
    MurmurationConfig config =
        settings(Sampler.ELS).with("calibration.measure-clip-norm", "true").config();
    runUntilHalt(config);

    List<PhaseOpened> phases = records(PhaseOpened.class);
    assertThat(phases).hasSize(3);
    List<CalibrationManifest> calibrations = calibrations();
    assertThat(calibrations).hasSize(2);
    assertThat(calibrations.get(0).outcome().measured()).isEqualTo("counts");
    assertThat(calibrations.get(0).outcome().chosen()).isNull();
    assertThat(calibrations.get(1).outcome().measured()).isEqualTo("norms");
    PhaseOpened training = phases.get(2);
    assertThat(training.mechanism().sampler()).isEqualTo(Sampler.ELS);
    assertThat(training.mechanism().groupSize())
        .isEqualTo(3 * calibrations.get(0).outcome().medianCount());
    assertThat(training.mechanism().clipNorm())
        .isEqualTo(calibrations.get(1).outcome().typicalNorms().get(0));
    assertTrained(calibrations.get(1), training);
  }

  @Test
  void theClipNormMovesFromChargeToChargeAndEachReleaseStatesItsOwn() throws Exception {
    MurmurationConfig config =
        JobConfigs.in(directory)
            .with(
                "training.model",
                TinyModels.write(directory.resolve("base"), TinyModels.GPT2, 11).toString())
            .with("privacy.epsilon", "50")
            .with("privacy.rounds", String.valueOf(ROUNDS))
            .with("privacy.round-interval", "200 ms")
            .with("privacy.clip-norm", "1000")
            .with("privacy.adaptive-clipping.quantile", "0.5")
            .with("contribution.window-ticks", "8")
            .with("job.checkpoint-interval", "500 ms")
            .with("job.parallelism", "2")
            .config();
    Heard heard = run(config, Heard::isHalted);
    assertThat(heard.halts()).containsExactly(HaltReason.ROUNDS_DONE);

    List<Double> clipNorms = records(Charge.class).stream().map(Charge::clipNorm).toList();
    assertThat(clipNorms).hasSize(ROUNDS).startsWith(1000.0).doesNotHaveDuplicates();
    for (int round = 1; round < ROUNDS; round++) {
      // C·exp(−0.2·(b̃ − 0.5)) with b̃ in [0, 1]
      assertThat(Math.log(clipNorms.get(round) / clipNorms.get(round - 1)))
          .isBetween(-0.1 - 1e-12, 0.1 + 1e-12);
    }
    assertThat(heard.granted().stream().map(grant -> grant.mechanism().clipNorm()).toList())
        .isEqualTo(clipNorms);
    try (FileLedger ledger = new FileLedger(directory.resolve("ledger").resolve("chat.ledger"))) {
      ChargeHistory charges =
          ChargeHistory.of(ledger.read(), ledger.location(), ConfiguredMechanism::accountant);
      List<ReleaseAudit.Checked> checked = new ReleaseAudit(store()).verifyAgainst(charges);
      assertThat(checked).isNotEmpty().allSatisfy(c -> assertThat(c.problems()).isEmpty());
      assertThat(checked)
          .allSatisfy(
              c ->
                  assertThat(c.manifest().mechanism().clipNorm())
                      .isEqualTo(clipNorms.get((int) c.manifest().round() - 1)));
    }
  }

  /** Releases name the mechanism of the phase, state the split, and stay within the budget. */
  private void assertTrained(CalibrationManifest calibration, PhaseOpened training)
      throws Exception {
    DirectoryModelStore store = store();
    assertThat(store.published()).isNotEmpty().allMatch(name -> name.startsWith("round-"));
    assertThat(calibration.outcome().joint().epsilon()).isEqualTo(50);
    assertThat(records(JointlyReserved.class))
        .singleElement()
        .satisfies(reserved -> assertThat(reserved.accounts().isCovered()).isTrue());
    double before = calibration.epsilonSpent();
    for (String name : store.published()) {
      ReleaseManifest manifest = ReleaseManifest.read(store.read(name).get(Manifest.FILE));
      assertThat(manifest.mechanism()).isEqualTo(training.mechanism());
      assertThat(manifest.phase()).isEqualTo(training.phase());
      assertThat(manifest.epsilonSpent()).isBetween(before, 50.0);
      before = manifest.epsilonSpent();
      assertThat(new String(store.read(name).get(PrivacyStatement.FILE), StandardCharsets.UTF_8))
          .contains("the ledger says what was reserved in advance");
    }
  }

  private JobConfigs settings(Sampler sampler) throws Exception {
    return JobConfigs.in(directory)
        .with(
            "training.model",
            TinyModels.write(directory.resolve("base"), TinyModels.GPT2, 11).toString())
        .without("privacy.sampling-probability")
        .without("privacy.expected-units")
        .without("privacy.noise-multiplier")
        .with("privacy.sampler", sampler.name())
        .with("privacy.epsilon", "50")
        .with("privacy.rounds", String.valueOf(ROUNDS))
        .with("privacy.round-interval", "200 ms")
        .with("contribution.window-ticks", "8")
        .with("contribution.examples-per-window", "12")
        .with("contribution.windows", "3")
        .with("calibration.enabled", "true")
        .with("calibration.population", "50")
        .with("calibration.compute", "16")
        .with("calibration.candidates", "1;2;4")
        .with("calibration.norm-sampling-probability", "0.5")
        .with("job.checkpoint-interval", "500 ms")
        .with("job.parallelism", "2");
  }

  private void runUntilTraining(MurmurationConfig config) throws Exception {
    run(
        config,
        heard -> heard.granted().stream().anyMatch(g -> !g.mechanism().query().isCalibration()));
  }

  private void runUntilHalt(MurmurationConfig config) throws Exception {
    Heard heard = run(config, Heard::isHalted);
    assertThat(heard.halts()).containsExactly(HaltReason.BUDGET_SPENT);
  }

  private Heard run(MurmurationConfig config, Predicate<Heard> enough) throws Exception {
    return BrokerlessJob.run(
            BrokerlessJob.of(config), config, directory, /* savepoint= */ null, enough)
        .heard();
  }

  private DirectoryModelStore store() throws Exception {
    return DirectoryModelStore.reading(directory.resolve("releases"));
  }

  private List<CalibrationManifest> calibrations() throws Exception {
    List<CalibrationManifest> manifests = new ArrayList<>();
    for (String name : store().calibrations()) {
      manifests.add(CalibrationManifest.read(store().read(name).get(Manifest.FILE)));
    }
    return manifests;
  }

  private <T extends LedgerRecord> List<T> records(Class<T> type) throws Exception {
    try (FileLedger ledger = new FileLedger(directory.resolve("ledger").resolve("chat.ledger"))) {
      return ledger.read().stream()
          .map(LedgerEntry::record)
          .filter(type::isInstance)
          .map(type::cast)
          .toList();
    }
  }
}
