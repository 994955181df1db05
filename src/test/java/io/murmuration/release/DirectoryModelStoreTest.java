package io.murmuration.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.murmuration.release.ModelStore.Outcome;
import io.murmuration.release.ModelStore.Staged;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DirectoryModelStoreTest extends ModelStoreContract {

  @TempDir private Path directory;
  private Path root;
  private DirectoryModelStore store;

  @BeforeEach
  void open() throws IOException {
    root = directory.resolve("releases");
    store = DirectoryModelStore.open(root);
  }

  @Override
  ModelStore store() {
    return store;
  }

  /** A disk that is full after so many bytes of a file. */
  private static DirectoryModelStore.FileOutput fullAfter(int bytes, String file) {
    return (path, content) -> {
      boolean full = path.getFileName().toString().equals(file);
      Files.write(path, full ? Arrays.copyOf(content, bytes) : content);
      if (full) {
        throw new IOException("No space left on device");
      }
    };
  }

  private List<String> staging() throws IOException {
    try (Stream<Path> entries = Files.list(root.resolve(".staging"))) {
      return entries.map(path -> path.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void aCommitLeavesNothingInStaging() throws IOException {
    store.commit(store.stage(ReleaseFixtures.files(1, 1)));
    store.commit(store.stage(ReleaseFixtures.files(1, 1)));

    assertThat(staging()).isEmpty();
  }

  @Test
  void aFullDiskLeavesNothingThatPassesForStaged() throws IOException {
    DirectoryModelStore full =
        DirectoryModelStore.open(root, fullAfter(10, PeftAdapter.WEIGHTS_FILE));

    assertThatThrownBy(() -> full.stage(ReleaseFixtures.files(1, 1)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("Cannot stage release round-00000001 in " + root)
        .hasMessageContaining("the disk is full; free space on it");
    assertThat(staging()).hasSize(1).allMatch(name -> name.endsWith(".partial"));

    // the next attempt, with space, replaces the half
    assertThat(store.commit(store.stage(ReleaseFixtures.files(1, 1)))).isEqualTo(Outcome.PUBLISHED);
    assertThat(staging()).isEmpty();
  }

  @Test
  void aFullDiskShowsWhenTheStoreIsOpened() {
    DirectoryModelStore.FileOutput full =
        (path, content) -> {
          throw new IOException("No space left on device");
        };

    assertThatThrownBy(() -> DirectoryModelStore.open(root, full))
        .hasMessageContaining("Cannot open the model store in " + root)
        .hasMessageContaining("the disk is full");
  }

  @Test
  void aMissingPermissionSaysWhoNeedsIt() {
    DirectoryModelStore.FileOutput denied =
        (path, content) -> {
          throw new AccessDeniedException(path.toString());
        };

    assertThatThrownBy(() -> DirectoryModelStore.open(root, denied))
        .hasMessageContaining("permission denied on")
        .hasMessageContaining("give the user that runs the task managers write access")
        .hasCauseInstanceOf(AccessDeniedException.class);
  }

  @Test
  void aFileInPlaceOfTheStoreIsAnError() throws IOException {
    Path file = Files.createFile(root.resolve("file"));

    assertThatThrownBy(() -> DirectoryModelStore.open(file))
        .hasMessageContaining("Cannot open the model store in " + file);
  }

  @Test
  void aCrashBetweenRenameAndAcknowledgementIsAlreadyPublished() throws IOException {
    Staged staged = store.stage(ReleaseFixtures.files(1, 1));
    Files.move(
        root.resolve(".staging/round-00000001-" + staged.digest()), root.resolve(staged.name()));

    assertThat(DirectoryModelStore.open(root).commit(staged)).isEqualTo(Outcome.ALREADY_PUBLISHED);
    assertThat(Files.readSymbolicLink(root.resolve("latest"))).hasToString("round-00000001");
  }

  @Test
  void stagingThatWasTamperedWithIsNotPublished() throws IOException {
    Staged staged = store.stage(ReleaseFixtures.files(1, 1));
    Path manifest =
        root.resolve(".staging/round-00000001-" + staged.digest()).resolve("manifest.json");
    Files.writeString(manifest, "{}");

    assertThatThrownBy(() -> store.commit(staged))
        .isInstanceOf(ReleaseLostException.class)
        .hasMessageContaining("is damaged");
    assertThat(store.published()).isEmpty();
  }

  @Test
  void onlyItsOwnerReadsStaging() throws IOException {
    assumeThat(root.getFileSystem().supportedFileAttributeViews()).contains("posix");

    assertThat(
            PosixFilePermissions.toString(Files.getPosixFilePermissions(root.resolve(".staging"))))
        .isEqualTo("rwx------");
  }

  @Test
  void removingLeavesNothingInStaging() throws IOException {
    store.commit(store.stage(ReleaseFixtures.files(1, 1)));

    store.remove("round-00000001");

    assertThat(staging()).isEmpty();
  }

  @Test
  void latestFollowsRemovals() throws IOException {
    store.commit(store.stage(ReleaseFixtures.files(1, 1)));
    store.commit(store.stage(ReleaseFixtures.files(2, 1)));

    store.remove("round-00000002");
    assertThat(Files.readSymbolicLink(root.resolve("latest"))).hasToString("round-00000001");

    store.remove("round-00000001");
    assertThat(Files.isSymbolicLink(root.resolve("latest"))).isFalse();
  }

  @Test
  void latestNeverMovesBack() throws IOException {
    Staged old = store.stage(ReleaseFixtures.files(1, 1));
    store.commit(old);
    store.commit(store.stage(ReleaseFixtures.files(2, 1)));

    store.commit(old);

    assertThat(Files.readSymbolicLink(root.resolve("latest"))).hasToString("round-00000002");
  }

  @Test
  void readsOnlyReleases() {
    assertThatThrownBy(() -> store.read("../" + root.getFileName()))
        .hasMessageContaining("there is no release");
    assertThatThrownBy(() -> DirectoryModelStore.reading(root.resolve("nowhere")))
        .hasMessageContaining("must be a directory that holds releases");
  }

  @Test
  void aManifestIsReadWithoutTheWeights() throws IOException {
    store.commit(store.stage(ReleaseFixtures.files(1, 1)));
    Path weights = root.resolve("round-00000001").resolve(PeftAdapter.WEIGHTS_FILE);
    Files.delete(weights);
    Files.createDirectory(weights); // to read it is an error now

    assertThat(new ReleaseCatalog(store).manifest("round-00000001").round()).isEqualTo(1);
    assertThatThrownBy(() -> store.read("round-00000001", PeftAdapter.WEIGHTS_FILE))
        .isInstanceOf(IOException.class);
  }

  @Test
  void openingCollectsWhatNothingNeedsAnyMore_andNothingElse() throws IOException {
    // visible, and staged again by an attempt that was rolled back and died before its commit
    store.commit(store.stage(ReleaseFixtures.files(1, 1)));
    store.stage(ReleaseFixtures.files(1, 1));
    // staged and in some checkpoint, however old
    Staged waiting = store.stage(ReleaseFixtures.files(2, 1));
    age(stagedAs(waiting), Duration.ofDays(400));
    // half-done by the dead, and by another attempt that lives
    Path dead = Files.createDirectory(root.resolve(".staging/round-00000003-x.partial"));
    Files.createFile(dead.resolve(PeftAdapter.WEIGHTS_FILE));
    age(dead, Duration.ofHours(25));
    Path probe = Files.createFile(root.resolve(".staging/probe123"));
    age(probe, Duration.ofHours(25));
    Path alive = Files.createDirectory(root.resolve(".staging/round-00000004-x.partial"));
    age(alive, Duration.ofHours(23));

    DirectoryModelStore reopened = DirectoryModelStore.open(root);

    assertThat(staging())
        .containsExactlyInAnyOrder(
            stagedAs(waiting).getFileName().toString(), alive.getFileName().toString());
    assertThat(reopened.published()).containsExactly("round-00000001");
    assertThat(reopened.commit(waiting)).isEqualTo(Outcome.PUBLISHED);
  }

  @Test
  void whatIsStagedGoesOnlyWhenAPersonSaysSo() throws IOException {
    Staged old = store.stage(ReleaseFixtures.files(1, 1));
    age(stagedAs(old), Duration.ofDays(31));
    Staged young = store.stage(ReleaseFixtures.files(2, 1));
    Instant monthAgo = Instant.now().minus(Duration.ofDays(30));

    assertThat(DirectoryModelStore.reading(root).removeStaged(monthAgo))
        .containsExactly(stagedAs(old).getFileName().toString());

    assertThat(staging()).containsExactly(stagedAs(young).getFileName().toString());
    assertThatThrownBy(() -> store.commit(old)).isInstanceOf(ReleaseLostException.class);
  }

  @Test
  void nothingIsRemovedWhereTheStoreMayBeAway() throws IOException {
    store.stage(ReleaseFixtures.files(1, 1));
    Files.delete(root.resolve(StoreMarker.NAME));

    assertThatThrownBy(() -> DirectoryModelStore.reading(root).removeStaged(Instant.MAX))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("the store is not there");
    assertThat(staging()).hasSize(1);
  }

  private Path stagedAs(Staged staged) {
    return root.resolve(".staging").resolve(staged.name() + "-" + staged.digest());
  }

  private static void age(Path path, Duration by) throws IOException {
    Files.setLastModifiedTime(path, FileTime.from(Instant.now().minus(by)));
  }

  /** What may be found where a store was. */
  private enum Away {
    NOTHING,
    EMPTY_MOUNT_POINT,
    FILE,
    OTHER_STORE
  }

  private Path takeAway(Away away) throws IOException {
    Path elsewhere = Files.move(root, directory.resolve("elsewhere"));
    switch (away) {
      case NOTHING -> {}
      case EMPTY_MOUNT_POINT -> Files.createDirectory(root);
      case FILE -> Files.createFile(root);
      case OTHER_STORE -> DirectoryModelStore.open(root);
    }
    return elsewhere;
  }

  private void putBack(Path elsewhere) throws IOException {
    if (Files.exists(root)) {
      Files.move(root, directory.resolve("was-in-its-place"));
    }
    Files.move(elsewhere, root);
  }

  private static void assertTriedAgain(ThrowingCallable action) {
    assertThatThrownBy(action)
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(ReleaseLostException.class)
        .isNotInstanceOf(ReleaseConflictException.class);
  }

  @ParameterizedTest
  @EnumSource
  void aStoreThatIsAwayIsNotLost(Away away) throws IOException {
    Staged staged = store.stage(ReleaseFixtures.files(1, 1));
    Path elsewhere = takeAway(away);

    assertTriedAgain(() -> store.commit(staged));

    putBack(elsewhere);
    assertThat(store.commit(staged)).isEqualTo(Outcome.PUBLISHED);
    assertThat(store.published()).containsExactly("round-00000001");
  }

  @ParameterizedTest
  @EnumSource
  void nothingIsWrittenWhereAStoreShouldBe(Away away) throws IOException {
    Path elsewhere = takeAway(away);

    assertTriedAgain(() -> store.stage(ReleaseFixtures.files(1, 1)));

    if (Files.isDirectory(root)) {
      try (Stream<Path> all = Files.walk(root)) {
        assertThat(all.map(Path::toString)).noneMatch(path -> path.contains("round-"));
      }
    }
    putBack(elsewhere);
    assertThat(store.commit(store.stage(ReleaseFixtures.files(1, 1)))).isEqualTo(Outcome.PUBLISHED);
  }

  @ParameterizedTest
  @EnumSource(names = "OTHER_STORE", mode = EnumSource.Mode.EXCLUDE)
  void aStoreThatMustBeThereIsNotBegunAnew(Away away) throws IOException {
    takeAway(away);

    assertTriedAgain(() -> DirectoryModelStore.reopen(root));

    assertThat(Files.exists(root.resolve(StoreMarker.NAME))).isFalse();
    assertThat(Files.exists(root.resolve(".staging"))).isFalse();
  }

  @Test
  void aLossIsBelievedOnlyIfTheStoreIsThereAfterTheLookToo() throws IOException {
    Staged staged = store.stage(ReleaseFixtures.files(1, 1));
    Path complete = root.resolve(".staging/round-00000001-" + staged.digest());
    Files.move(complete, directory.resolve("elsewhere"));
    Files.createDirectory(complete);
    Path marker = root.resolve(StoreMarker.NAME);
    String id = Files.readString(marker);
    Files.writeString(marker, "stale file handle");

    assertTriedAgain(() -> store.commit(staged));

    Files.writeString(marker, id);
    assertThatThrownBy(() -> store.commit(staged)).isInstanceOf(ReleaseLostException.class);
  }

  @Test
  void aStoreKeepsItsIdAndHasItToItself() throws IOException {
    DirectoryModelStore again = DirectoryModelStore.open(root);
    DirectoryModelStore other = DirectoryModelStore.open(directory.resolve("other"));

    assertThat(again.id()).isEqualTo(store.id()).matches("[0-9a-f]{32}");
    assertThat(DirectoryModelStore.reopen(root).id()).isEqualTo(store.id());
    assertThat(other.id()).isNotEqualTo(store.id());
    assertThat(staging()).isEmpty();
  }

  @Test
  void aDamagedMarkerIsNamed() throws IOException {
    Files.writeString(root.resolve(StoreMarker.NAME), "");

    assertThatThrownBy(() -> DirectoryModelStore.open(root))
        .hasMessageContaining(root.resolve(StoreMarker.NAME).toString())
        .hasMessageContaining("must hold the id of the store");
  }

  /** Stores of earlier versions have no marker. */
  @Test
  void anOldStoreIsGivenAnId() throws IOException {
    store.commit(store.stage(ReleaseFixtures.files(1, 1)));
    Files.delete(root.resolve(StoreMarker.NAME));

    DirectoryModelStore adopted = DirectoryModelStore.reopen(root);

    assertThat(adopted.id()).matches("[0-9a-f]{32}");
    assertThat(adopted.published()).containsExactly("round-00000001");
  }

  /** Releases that earlier versions staged name no store. */
  @Test
  void anOldCommittableIsPublishedAndLostOnlyBesideReleases() throws IOException {
    Staged staged = store.stage(ReleaseFixtures.files(1, 1));
    Staged old = new Staged("", staged.name(), staged.digest());
    Staged lost = new Staged("", "round-00000002", "00".repeat(32));

    assertTriedAgain(() -> store.commit(lost));
    assertThat(store.commit(old)).isEqualTo(Outcome.PUBLISHED);
    assertThatThrownBy(() -> store.commit(lost)).isInstanceOf(ReleaseLostException.class);
  }
}
