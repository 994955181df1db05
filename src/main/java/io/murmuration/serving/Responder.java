package io.murmuration.serving;

import io.murmuration.privacy.mechanism.AccountantFactory;
import io.murmuration.release.ModelStores;
import io.murmuration.storage.Location;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Answers prompts with the newest verified release, which a thread of its own keeps looking for.
 * Any number of threads may ask.
 */
public final class Responder implements HttpEndpoint.Source, AutoCloseable {

  private final ReleaseFollower<ServedModel> follower;
  private final ReleaseWatch watch;

  private Responder(ReleaseFollower<ServedModel> follower, ReleaseWatch watch) {
    this.follower = follower;
    this.watch = watch;
  }

  /**
   * Follows a store; looks once before it returns.
   *
   * @param releases the store
   * @param ledger of the domain whose releases these are
   * @param accountants prices the ledger's charges
   * @param base the base model's directory; empty where releases are whole models
   * @param interval between looks
   * @param heard is told what each look changed, the first one too, by the thread that looks
   */
  public static Responder follow(
      Location releases,
      LedgerPlace ledger,
      AccountantFactory accountants,
      Optional<Location> base,
      Duration interval,
      Consumer<ReleaseFollower.Look> heard)
      throws InterruptedException {
    ReleaseFollower<ServedModel> follower =
        new ReleaseFollower<>(
            () -> ModelStores.reading(releases),
            () -> ledger.charges(accountants),
            new ReleaseLoader(base));
    try {
      heard.accept(follower.look());
      return new Responder(follower, ReleaseWatch.start(follower, interval, heard));
    } catch (InterruptedException | RuntimeException e) {
      follower.close();
      throw e;
    }
  }

  @Override
  public ReleaseFollower.Status status() {
    return follower.status();
  }

  /** Has the store looked at now: somebody has heard of a release. */
  public void wake() {
    watch.wake();
  }

  @Override
  public Optional<Answer> answer(Prompt prompt) {
    Optional<ServedModels.Lease<ServedModel>> leased = follower.lease();
    if (leased.isEmpty()) {
      return Optional.empty();
    }
    try (ServedModels.Lease<ServedModel> lease = leased.get()) {
      String text = prompt.continuedBy(lease.model().generator());
      return Optional.of(new Answer(text, lease.release()));
    }
  }

  /** Why nothing is served, in one line; for a status without a served release. */
  public static String reasonOf(ReleaseFollower.Status status) {
    if (status.refused().isEmpty()) {
      return status.away().orElse("the store holds no release of a model yet");
    }
    return "no release is sound; the newest is %s"
        .formatted(status.refused().get(status.refused().size() - 1).inWords());
  }

  @Override
  public void close() {
    watch.close();
    follower.close();
  }
}
