package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.job.BrokerlessJob.Heard;
import io.murmuration.model.TinyModels;
import io.murmuration.privacy.ledger.ChargeHistory;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.ReleaseAudit;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A whole job whose noise is correlated, through a savepoint, until its rounds are done. */
@Timeout(900)
class CorrelatedNoiseITCase {

  private static final int BANDS = 4;
  private static final int ROUNDS = 16;

  @TempDir private Path directory;

  @Test
  void trainsThroughASavepoint_andEveryReleaseIsWhatTheLedgerSays() throws Exception {
    MurmurationConfig config =
        JobConfigs.in(directory)
            .with(
                "training.model",
                TinyModels.write(directory.resolve("base"), TinyModels.GPT2, 11).toString())
            .with("privacy.epsilon", "50")
            .with("privacy.rounds", String.valueOf(ROUNDS))
            .with("privacy.sampling-probability", "0.2")
            .with("privacy.noise-bands", String.valueOf(BANDS))
            .with("privacy.round-interval", "200 ms")
            .with("privacy.adaptive-clipping.quantile", "0.5")
            .with("training.parallelism", "2")
            .with("job.parallelism", "2")
            .config();

    BrokerlessJob.Run before =
        BrokerlessJob.run(
            BrokerlessJob.of(config),
            config,
            directory,
            /* savepoint= */ null,
            heard -> heard.granted().size() > BANDS);
    Heard after =
        BrokerlessJob.run(
                BrokerlessJob.of(config), config, directory, before.savepoint(), Heard::isHalted)
            .heard();

    assertThat(after.halts()).containsExactly(HaltReason.ROUNDS_DONE);
    List<Grant> granted =
        Stream.concat(before.heard().granted().stream(), after.granted().stream()).toList();
    assertThat(granted)
        .extracting(Grant::roundInPhase)
        .containsExactlyElementsOf(LongStream.range(0, ROUNDS).boxed().toList());
    assertThat(granted).allMatch(grant -> grant.mechanism().bands() == BANDS);
    // a cycle that has begun costs as a whole one
    assertThat(granted.stream().map(Grant::epsilonSpent).distinct()).hasSize(ROUNDS / BANDS);
    try (FileLedger ledger = new FileLedger(directory.resolve("ledger").resolve("chat.ledger"))) {
      ChargeHistory history =
          ChargeHistory.of(ledger.read(), ledger.location(), ConfiguredMechanism::accountant);
      DirectoryModelStore store = DirectoryModelStore.reading(directory.resolve("releases"));
      assertThat(new ReleaseAudit(store).verifyAgainst(history))
          .isNotEmpty()
          .allSatisfy(checked -> assertThat(checked.problems()).isEmpty());
    }
  }
}
