package io.murmuration.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.release.ModelStore.Outcome;
import io.murmuration.release.ModelStore.Staged;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

/** What every {@link ModelStore} does. */
abstract class ModelStoreContract {

  abstract ModelStore store();

  @Test
  void aStagedReleaseIsNotVisible() throws IOException {
    store().stage(ReleaseFixtures.files(1, 1));

    assertThat(store().published()).isEmpty();
    assertThatThrownBy(() -> store().read("round-00000001")).isInstanceOf(IOException.class);
  }

  @Test
  void aCommittedReleaseIsVisibleAsAWhole() throws IOException {
    ReleaseFiles files = ReleaseFixtures.files(1, 1);
    Staged staged = store().stage(files);

    assertThat(store().commit(staged)).isEqualTo(Outcome.PUBLISHED);

    assertThat(store().published()).containsExactly("round-00000001");
    assertThat(Digests.ofRelease(store().read("round-00000001"))).isEqualTo(staged.digest());
    assertThat(store().read("round-00000001").keySet())
        .containsExactly(
            "PRIVACY.md", "adapter_config.json", "adapter_model.safetensors", "manifest.json");
  }

  @Test
  void committingAgainIsAlreadyPublished() throws IOException {
    Staged staged = store().stage(ReleaseFixtures.files(1, 1));
    store().commit(staged);

    assertThat(store().commit(staged)).isEqualTo(Outcome.ALREADY_PUBLISHED);
    assertThat(store().commit(store().stage(ReleaseFixtures.files(1, 1))))
        .isEqualTo(Outcome.ALREADY_PUBLISHED);
  }

  @Test
  void otherBytesUnderAPublishedNameAreAConflict() throws IOException {
    Staged first = store().stage(ReleaseFixtures.files(1, 1));
    Staged second = store().stage(ReleaseFixtures.files(1, 2));
    store().commit(first);

    assertThatThrownBy(() -> store().commit(second))
        .isInstanceOf(ReleaseConflictException.class)
        .hasMessageContaining("a round is released once, ever")
        .hasMessageContaining(first.digest())
        .hasMessageContaining(second.digest());
    assertThat(Digests.ofRelease(store().read("round-00000001"))).isEqualTo(first.digest());
  }

  @Test
  void stagingTheSameBytesTwiceIsHarmless() throws IOException {
    Staged first = store().stage(ReleaseFixtures.files(1, 1));

    assertThat(store().stage(ReleaseFixtures.files(1, 1))).isEqualTo(first);
    assertThat(store().commit(first)).isEqualTo(Outcome.PUBLISHED);
  }

  @Test
  void whatIsNeitherStagedNorPublishedIsLost() {
    Staged nowhere = new Staged(store().id(), "round-00000009", "00".repeat(32));
    assertThatThrownBy(() -> store().commit(nowhere))
        .isInstanceOf(ReleaseLostException.class)
        .hasMessageContaining("release round-00000009 is lost");
  }

  @Test
  void whatWasStagedInAnotherStoreIsNotLost() {
    Staged elsewhere = new Staged("ab".repeat(16), "round-00000009", "00".repeat(32));
    assertThatThrownBy(() -> store().commit(elsewhere))
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(ReleaseLostException.class)
        .hasMessageContaining("store %s is expected".formatted("ab".repeat(16)))
        .hasMessageContaining("store %s is there".formatted(store().id()));
  }

  @Test
  void stagedReleasesNameTheirStore() throws IOException {
    assertThat(store().stage(ReleaseFixtures.files(1, 1)).store()).isEqualTo(store().id());
  }

  @Test
  void aRemovedReleaseIsGone() throws IOException {
    store().commit(store().stage(ReleaseFixtures.files(1, 1)));
    store().commit(store().stage(ReleaseFixtures.files(2, 1)));

    store().remove("round-00000001");

    assertThat(store().published()).containsExactly("round-00000002");
    assertThatThrownBy(() -> store().remove("round-00000001"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("there is no release round-00000001");
  }

  @Test
  void oneFileOfAReleaseIsReadAlone() throws IOException {
    ReleaseFiles files = ReleaseFixtures.files(1, 1);
    store().commit(store().stage(files));

    assertThat(store().read(files.name(), Manifest.FILE)).contains(files.manifest().write());
    assertThat(store().read(files.name(), "README.md")).isEmpty();
    assertThatThrownBy(() -> store().read("round-00000002", Manifest.FILE))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("there is no release round-00000002");
  }

  @Test
  void releasesAreListedByRound() throws IOException {
    for (long round : new long[] {12, 100_000_000, 3}) {
      store().commit(store().stage(ReleaseFixtures.files(round, 1)));
    }

    assertThat(store().published())
        .containsExactly("round-00000003", "round-00000012", "round-100000000");
  }

  @Test
  void whatIsStagedGoesOnlyWhenAPersonSaysSo() throws IOException {
    Staged old = store().stage(ReleaseFixtures.files(1, 1));
    String name = old.name() + "-" + old.digest();

    assertThat(store().removeStaged(Instant.now().minus(Duration.ofDays(30)))).isEmpty();
    assertThat(store().removeStaged(Instant.now().plus(Duration.ofDays(1)))).containsExactly(name);

    assertThatThrownBy(() -> store().commit(old)).isInstanceOf(ReleaseLostException.class);
  }

  @Test
  void calibrationsAreNoModels() throws IOException {
    store().commit(store().stage(ReleaseFixtures.files(2, 1)));

    assertThat(store().calibrations()).isEmpty();
    assertThat(store().published()).containsExactly("round-00000002");
  }
}
