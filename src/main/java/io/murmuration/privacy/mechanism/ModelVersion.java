package io.murmuration.privacy.mechanism;

/**
 * The model at which the gradients of the rounds that follow are taken: announced by train, passed
 * on to its workers by the privacy budget. It holds no parameters: a worker takes them from the
 * parameter store, and compares them with the digests.
 *
 * @param submission of the job that announced it: one that another fenced is told that one's epoch,
 *     and must not speak in it
 * @param epoch the epoch of the attempt that announced it; nothing is charged in an epoch before
 * @param round the last executed round that it holds, 0 before the first
 * @param digest SHA-256 of the trained parameters, lower-case hexadecimal
 * @param frozenDigest SHA-256 of what is frozen beside them
 */
public record ModelVersion(
    String submission, long epoch, long round, String digest, String frozenDigest)
    implements BudgetSignal {

  public ModelVersion {
    Checks.text("submission", submission);
    Checks.atLeast("epoch", epoch, 1);
    Checks.atLeast("round", round, 0);
    Checks.text("digest", digest);
    Checks.text("frozen digest", frozenDigest);
  }
}
