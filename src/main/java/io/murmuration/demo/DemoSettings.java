package io.murmuration.demo;

import io.murmuration.config.TrainingOptions.ParametersKind;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What a demo is asked to do. All numbers of the mechanism are public constants that somebody
 * typed, never counts of the events.
 *
 * @param events JSON lines to feed, or null for a generated stream
 * @param model directory of the base model, or null for the project's own
 * @param out where releases, state and the broker's files go
 * @param ledger directory of the ledger; outlives the demo
 * @param domain privacy domain
 * @param epsilon budget
 * @param delta its δ
 * @param raiseBudget whether a budget above the ledger's is a deliberate raise
 * @param rounds rounds to plan for; where users have lifetimes, after which the demo ends
 * @param lifetime rounds of one user that the noise is calibrated to; null where the budget is the
 *     domain's
 * @param expectedCohort M, the divisor of the noisy sum
 * @param samplingProbability q
 * @param groupSize G, examples of a sampled user in a round
 * @param clipNorm C
 * @param learningRate the highest of Adam; null for the job's own default
 * @param parameters what of the model is trained
 * @param loraRank r, where that is LoRA factors
 * @param maxTokens an example is cut there
 * @param roundInterval length of a tick; empty for the ledger's, or one that suits this machine
 * @param rate events per second fed to Kafka, +∞ for as fast as possible; empty to feed by the
 *     clock of rounds
 * @param heldOutUsers users of {@code events} that are only evaluated on
 * @param heldOutMessages messages that the loss is measured on
 * @param heldOutPublic whether the text of {@code events} is public, so that its losses may stand
 *     in the report
 * @param evaluateEvery rounds between two measurements of the loss
 * @param checkpointInterval releases become visible with checkpoints
 * @param parallelism of ingest and sampling
 * @param webPort first port that is tried for the web UI
 * @param seed of the generated stream; has nothing to do with sampling or noise
 */
public record DemoSettings(
    Path events,
    Path model,
    Path out,
    Path ledger,
    String domain,
    double epsilon,
    double delta,
    boolean raiseBudget,
    long rounds,
    Long lifetime,
    double expectedCohort,
    double samplingProbability,
    int groupSize,
    double clipNorm,
    Double learningRate,
    ParametersKind parameters,
    int loraRank,
    int maxTokens,
    Optional<Duration> roundInterval,
    OptionalDouble rate,
    int heldOutUsers,
    int heldOutMessages,
    boolean heldOutPublic,
    int evaluateEvery,
    Duration checkpointInterval,
    int parallelism,
    int webPort,
    long seed) {

  /** The file of the key under which users are counted. */
  Path idKeyFile() {
    return ledger.resolve(domain + ".id-key");
  }

  /** The directory in which releases become visible. */
  Path releases() {
    return out.resolve("releases");
  }

  /** The file of the ledger. */
  Path ledgerFile() {
    return ledger.resolve(domain + ".ledger");
  }
}
