package io.murmuration.release;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.release.ModelStore.Outcome;
import io.murmuration.release.ModelStore.Staged;
import io.murmuration.storage.ObjectStorage;
import io.murmuration.storage.ObjectStorage.ClientException;
import io.murmuration.storage.ObjectStorage.Operation;
import io.murmuration.storage.StoredFiles;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ObjectModelStoreTest extends ModelStoreContract {

  private static final String ID = "0123456789abcdef".repeat(2);
  private static final String MARKER = "releases/.murmuration-store";
  private static final String MANIFEST = "releases/round-00000001/manifest.json";
  private static final String WEIGHTS = "releases/round-00000001/adapter_model.safetensors";

  private final ObjectStorage storage = new ObjectStorage();
  private final StoredFiles files = storage.at("releases");
  private ObjectModelStore store;

  @BeforeEach
  void open() throws IOException {
    store = ObjectModelStore.open(files, ID);
  }

  @Override
  ModelStore store() {
    return store;
  }

  private Staged stage(long round) throws IOException {
    return store.stage(ReleaseFixtures.files(round, 1));
  }

  private static String stagedKey(Staged staged) {
    return "releases/.staging/" + staged.name() + "-" + staged.digest();
  }

  private String latest() {
    return new String(storage.objects().get("releases/latest"), UTF_8);
  }

  private List<String> staging() {
    return storage.objects().keySet().stream().filter(key -> key.contains(".staging/")).toList();
  }

  private static void assertTriedAgain(ThrowingCallable action) {
    assertThatThrownBy(action)
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(ReleaseLostException.class)
        .isNotInstanceOf(ReleaseConflictException.class);
  }

  // ---------------------------------------------------------------- the order of things

  @Test
  void theContentsComeFirstAndTheManifestLast() throws IOException {
    Staged staged = stage(1);
    storage.written().clear();

    store.commit(staged);

    List<String> order = storage.written();
    assertThat(order.get(0)).isEqualTo("releases/round-00000001/.files.json");
    assertThat(order.get(order.size() - 2)).isEqualTo(MANIFEST);
    assertThat(order.get(order.size() - 1)).isEqualTo("releases/latest");
    assertThat(order).hasSize(6).contains(WEIGHTS);
    assertThat(latest()).isEqualTo("round-00000001\n");
    assertThat(staging()).isEmpty();
  }

  /** As of a whole model, whose weights and tokenizer stand behind it in the alphabet. */
  @Test
  void theManifestIsLastWhateverTheOtherFilesAreCalled() throws IOException {
    ReleaseFiles adapter = ReleaseFixtures.files(1, 1);
    TreeMap<String, byte[]> more = new TreeMap<>(adapter.files());
    more.put("tokenizer.json", "{}".getBytes(UTF_8));
    Staged staged =
        store.stage(
            new ReleaseFiles(adapter.name(), more, adapter.manifest(), /* publicMillis= */ 0));
    storage.written().clear();

    store.commit(staged);

    List<String> order = storage.written();
    assertThat(order.indexOf("releases/round-00000001/tokenizer.json"))
        .isBetween(1, order.indexOf(MANIFEST) - 1);
  }

  /** Its SHA-256 is the digest in its name, so that staging needs no other check. */
  @Test
  void whatIsStagedIsOneObject() throws IOException {
    Staged staged = stage(1);

    assertThat(staging()).containsExactly(stagedKey(staged));
    assertThat(Digests.ofFile(storage.objects().get(stagedKey(staged)))).isEqualTo(staged.digest());
  }

  @Test
  void anAbsentManifestIsNoRelease() throws IOException {
    store.commit(stage(1));
    storage.objects().remove(MANIFEST);

    assertThat(store.published()).isEmpty();
    assertThatThrownBy(() -> store.read("round-00000001"))
        .hasMessageContaining("there is no release");
    assertThatThrownBy(() -> store.read("round-00000001", PeftAdapter.WEIGHTS_FILE))
        .hasMessageContaining("there is no release");
  }

  /** Whatever beginning of it an upload that failed has left. */
  @Test
  void noBeginningOfAManifestIsARelease() throws IOException {
    store.commit(stage(1));
    byte[] whole = storage.objects().get(MANIFEST);

    for (int length = 1; length < whole.length - 1; length++) {
      storage.objects().put(MANIFEST, Arrays.copyOf(whole, length));
      assertThat(store.published()).as("%d of %d bytes", length, whole.length).isEmpty();
    }
  }

  // ---------------------------------------------------------------- crashes and failed writes

  /** A commit dies before each of its operations in turn, and the next attempt completes it. */
  @Test
  void aCommitThatDiesAnywhereIsCompletedByTheNext() throws IOException {
    int deaths = 0;
    for (int lives = 0; ; lives++) {
      storage.objects().clear();
      store = ObjectModelStore.open(files, ID);
      Staged staged = stage(1);
      AtomicInteger left = new AtomicInteger(lives);
      storage.trouble(
          (operation, key) -> {
            if (left.getAndDecrement() <= 0) {
              throw new ClientException("the process is gone");
            }
          });
      boolean died = false;
      try {
        store.commit(staged);
      } catch (IOException e) {
        died = true;
      }
      storage.recover();
      boolean visible = !store.published().isEmpty();
      ObjectModelStore next = ObjectModelStore.reopen(files);
      Outcome outcome = next.commit(staged);

      assertThat(outcome).isEqualTo(visible ? Outcome.ALREADY_PUBLISHED : Outcome.PUBLISHED);
      assertThat(Digests.ofRelease(next.read(staged.name()))).isEqualTo(staged.digest());
      assertThat(latest()).isEqualTo("round-00000001\n");
      assertThat(staging()).isEmpty();
      if (!died) {
        break;
      }
      deaths++;
    }
    assertThat(deaths).isGreaterThan(20);
  }

  /** The stream uploads what it has, and the next attempt replaces it. */
  @ParameterizedTest
  @EnumSource
  void aFileThatIsCutOffNeverBelongsToAVisibleRelease(CutOff file) throws IOException {
    Staged staged = stage(1);
    storage.cutOff(file.name, 7);

    assertTriedAgain(() -> store.commit(staged));
    assertThat(file == CutOff.POINTER ? List.of() : store.published()).isEmpty();

    storage.recover();
    store.commit(staged);
    assertThat(Digests.ofRelease(store.read(staged.name()))).isEqualTo(staged.digest());
    assertThat(latest()).isEqualTo("round-00000001\n");
  }

  private enum CutOff {
    CONTENTS(".files.json"),
    WEIGHTS("adapter_model.safetensors"),
    STATEMENT("PRIVACY.md"),
    MANIFEST("manifest.json"),
    POINTER("latest");

    private final String name;

    CutOff(String name) {
      this.name = name;
    }
  }

  @Test
  void aStagedReleaseThatIsCutOffIsNotTakenForStaged() throws IOException {
    storage.cutOff(ReleaseNames.staged(stage(1)), 10);
    storage.objects().keySet().removeIf(key -> key.contains(".staging/"));

    assertTriedAgain(() -> stage(1));
    assertThat(staging()).hasSize(1);

    storage.recover();
    assertThat(store.commit(stage(1))).isEqualTo(Outcome.PUBLISHED);
  }

  /** What the storage took is not what was sent. */
  @Test
  void aPayloadThatReadsBackOtherwiseKeepsTheManifestAway() throws IOException {
    Staged staged = stage(1);
    storage.trouble(
        (operation, key) -> {
          if (operation == Operation.OPEN && key.equals(WEIGHTS)) {
            storage.objects().put(key, new byte[] {1, 2, 3});
          }
        });

    assertTriedAgain(() -> store.commit(staged));

    assertThat(storage.objects()).doesNotContainKey(MANIFEST);
    storage.recover();
    assertThat(store.commit(staged)).isEqualTo(Outcome.PUBLISHED);
  }

  // ---------------------------------------------------------------- several at once

  /** Another process does the whole commit between any two operations of this one. */
  @Test
  void twoCommitsAtOnceAreHarmless() throws IOException {
    int interruptions = 0;
    for (int before = 0; ; before++) {
      storage.objects().clear();
      store = ObjectModelStore.open(files, ID);
      ObjectModelStore other = ObjectModelStore.reopen(files);
      Staged staged = stage(1);
      AtomicInteger left = new AtomicInteger(before);
      List<Outcome> outcomes = new ArrayList<>();
      storage.trouble(
          (operation, key) -> {
            if (left.getAndDecrement() == 0) {
              outcomes.add(other.commit(staged));
            }
          });
      try {
        outcomes.add(store.commit(staged));
      } catch (ReleaseLostException | ReleaseConflictException e) {
        throw new AssertionError("after " + before + " operations", e);
      } catch (IOException e) {
        storage.recover(); // as Flink does it
        outcomes.add(store.commit(staged));
      }
      storage.recover();

      assertThat(outcomes).isNotEmpty();
      assertThat(store.published()).containsExactly("round-00000001");
      assertThat(Digests.ofRelease(store.read(staged.name()))).isEqualTo(staged.digest());
      if (left.get() >= 0) {
        break;
      }
      interruptions++;
    }
    assertThat(interruptions).isGreaterThan(20);
  }

  /** Nothing of a second release of the round gets out, although the first never got visible. */
  @Test
  void aNameThatIsTakenIsAConflictBeforeItIsVisible() throws IOException {
    Staged first = stage(1);
    Staged second = store.stage(ReleaseFixtures.files(1, 2));
    storage.cutOff("PRIVACY.md", 1);
    assertTriedAgain(() -> store.commit(first));
    storage.recover();
    Map<String, byte[]> before = new TreeMap<>(storage.objects());

    assertThatThrownBy(() -> store.commit(second))
        .isInstanceOf(ReleaseConflictException.class)
        .hasMessageContaining(first.digest());

    assertThat(storage.objects()).containsExactlyEntriesOf(before);
  }

  @Test
  void allThatOpenANewStoreAtOnceFindTheSameOne() throws IOException {
    storage.objects().clear();
    AtomicInteger others = new AtomicInteger();
    storage.trouble(
        (operation, key) -> {
          if (operation == Operation.CREATE
              && key.equals(MARKER)
              && others.getAndIncrement() == 0) {
            assertThat(ObjectModelStore.open(files, ID).id()).isEqualTo(ID);
          }
        });

    // the other one came between the look and the write
    assertThat(ObjectModelStore.open(files, ID).id()).isEqualTo(ID);
    assertThat(others.get()).isPositive();
  }

  @Test
  void aStoreKeepsItsId() throws IOException {
    assertThat(ObjectModelStore.open(files, "f".repeat(32)).id()).isEqualTo(ID);
    assertThat(ObjectModelStore.reopen(files).id()).isEqualTo(ID);
  }

  // ---------------------------------------------------------------- listing and pointer

  @Test
  void theNewestIsKnownAlsoWhereTheListingLags() throws IOException {
    store.commit(stage(1));
    storage.freezeListing();
    store.commit(stage(2));

    assertThat(store.published()).containsExactly("round-00000001", "round-00000002");
    assertThat(store.read("round-00000002")).hasSize(4);
  }

  @Test
  void theNewestIsKnownAlsoWithoutThePointer() throws IOException {
    store.commit(stage(1));
    store.commit(stage(2));
    storage.objects().remove("releases/latest");

    assertThat(store.published()).containsExactly("round-00000001", "round-00000002");
  }

  @Test
  void aPointerThatIsCutOffOrPointsNowhereSaysNothing() throws IOException {
    store.commit(stage(1));
    for (String pointer : List.of("round-00000001", "round-00000009\n", "round-1\n", "x")) {
      storage.objects().put("releases/latest", pointer.getBytes(UTF_8));
      assertThat(store.published()).as(pointer).containsExactly("round-00000001");
    }
    store.commit(stage(2));
    assertThat(latest()).isEqualTo("round-00000002\n");
  }

  @Test
  void latestNeverMovesBack() throws IOException {
    Staged old = stage(1);
    store.commit(old);
    store.commit(stage(2));

    store.commit(old);

    assertThat(latest()).isEqualTo("round-00000002\n");
  }

  @Test
  void latestFollowsRemovals() throws IOException {
    store.commit(stage(1));
    store.commit(stage(2));

    store.remove("round-00000002");
    assertThat(latest()).isEqualTo("round-00000001\n");

    store.remove("round-00000001");
    assertThat(storage.objects().keySet()).containsExactly(MARKER);
  }

  /** What it is told is gone is gone, whatever a listing still shows. */
  @Test
  void aRemovedReleaseIsGoneAlsoWhereTheListingLags() throws IOException {
    store.commit(stage(1));
    store.commit(stage(2));
    storage.freezeListing();

    store.remove("round-00000002");

    assertThat(store.published()).containsExactly("round-00000001");
    assertThat(latest()).isEqualTo("round-00000001\n");
  }

  // ---------------------------------------------------------------- away is not lost

  /** What may happen to a bucket while a commit looks for what is staged. */
  private enum Away {
    /** The service is overloaded. */
    UNAVAILABLE,
    /** Credentials were revoked; forbidden looks like missing where a bucket may not be listed. */
    FORBIDDEN_LOOKS_MISSING,
    /** The bucket is gone. */
    BUCKET_GONE,
    /** Another bucket is found under the name. */
    OTHER_STORE,
    /** An empty bucket is found under the name. */
    EMPTY
  }

  private void away(Away away) {
    switch (away) {
      case UNAVAILABLE ->
          storage.trouble(
              (operation, key) -> {
                throw new ClientException("HTTP 503");
              });
      case FORBIDDEN_LOOKS_MISSING ->
          storage.trouble(
              (operation, key) -> {
                throw new FileNotFoundException(key);
              });
      case BUCKET_GONE ->
          storage.trouble(
              (operation, key) -> {
                if (operation == Operation.LIST) {
                  throw new ClientException("NoSuchBucket");
                }
                throw new FileNotFoundException(key);
              });
      case OTHER_STORE -> {
        storage.objects().clear();
        storage.objects().put(MARKER, "f".repeat(32).getBytes(UTF_8));
      }
      case EMPTY -> storage.objects().clear();
    }
  }

  @ParameterizedTest
  @EnumSource
  void aStoreThatIsAwayIsNotLost(Away away) throws IOException {
    Staged staged = stage(1);
    Map<String, byte[]> before = new TreeMap<>(storage.objects());
    away(away);

    assertTriedAgain(() -> store.commit(staged));
    assertTriedAgain(() -> stage(2));
    assertTriedAgain(() -> ObjectModelStore.reopen(files).commit(staged));

    storage.recover();
    storage.objects().clear();
    storage.objects().putAll(before);
    assertThat(store.commit(staged)).isEqualTo(Outcome.PUBLISHED);
  }

  @ParameterizedTest
  @EnumSource(names = {"OTHER_STORE", "EMPTY"})
  void nothingIsWrittenWhereAStoreShouldBe(Away away) throws IOException {
    Staged staged = stage(1);
    away(away);
    Map<String, byte[]> before = new TreeMap<>(storage.objects());

    assertTriedAgain(() -> store.commit(staged));
    assertTriedAgain(() -> stage(2));

    assertThat(storage.objects()).containsExactlyEntriesOf(before);
  }

  @Test
  void aStoreThatMustBeThereIsNotBegunAnew() {
    away(Away.EMPTY);

    assertTriedAgain(() -> ObjectModelStore.reopen(files));

    assertThat(storage.objects()).isEmpty();
  }

  /** It goes away, or comes back, between any two operations of the look for what is staged. */
  @ParameterizedTest
  @EnumSource
  void aStoreThatGoesAwayInTheMiddleIsNotLost(Away away) throws IOException {
    int moments = 0;
    for (int before = 0; ; before++) {
      storage.objects().clear();
      store = ObjectModelStore.open(files, ID);
      Staged staged = stage(1);
      Map<String, byte[]> whole = new TreeMap<>(storage.objects());
      AtomicInteger left = new AtomicInteger(before);
      storage.trouble(
          (operation, key) -> {
            if (left.getAndDecrement() == 0) {
              away(away);
            }
          });
      boolean published = false;
      try {
        store.commit(staged);
        published = true;
      } catch (ReleaseLostException | ReleaseConflictException e) {
        throw new AssertionError("after " + before + " operations", e);
      } catch (IOException e) {
        assertThat(e).hasMessageContaining("Cannot publish release round-00000001");
      }
      storage.recover();
      if (published && left.get() >= 0) {
        break;
      }
      moments++;
      storage.objects().clear();
      storage.objects().putAll(whole);
      assertThat(store.commit(staged)).isEqualTo(Outcome.PUBLISHED);
    }
    assertThat(moments).isGreaterThan(20);
  }

  /** Permissions that flicker: of each operation in turn alone the object seems to be missing. */
  @Test
  void oneAnswerThatItIsMissingIsNotBelieved() throws IOException {
    int answers = 0;
    for (int which = 0; ; which++) {
      storage.objects().clear();
      store = ObjectModelStore.open(files, ID);
      Staged staged = stage(1);
      AtomicInteger left = new AtomicInteger(which);
      storage.trouble(
          (operation, key) -> {
            if (left.getAndDecrement() == 0) {
              throw new FileNotFoundException("403: " + key);
            }
          });
      try {
        store.commit(staged);
      } catch (ReleaseLostException | ReleaseConflictException e) {
        throw new AssertionError("after " + which + " operations", e);
      } catch (IOException e) {
        storage.recover();
        store.commit(staged);
      }
      storage.recover();
      assertThat(Digests.ofRelease(store.read(staged.name()))).isEqualTo(staged.digest());
      if (left.get() >= 0) {
        break;
      }
      answers++;
    }
    assertThat(answers).isGreaterThan(20);
  }

  @Test
  void aLossIsBelievedOnlyIfTheStoreIsThereAfterTheLookToo() throws IOException {
    Staged staged = stage(1);
    storage.objects().remove(stagedKey(staged));
    AtomicInteger looks = new AtomicInteger();
    storage.trouble(
        (operation, key) -> {
          if (operation == Operation.OPEN && key.equals(MARKER) && looks.incrementAndGet() == 2) {
            throw new FileNotFoundException(key);
          }
        });

    assertTriedAgain(() -> store.commit(staged));

    storage.recover();
    assertThatThrownBy(() -> store.commit(staged)).isInstanceOf(ReleaseLostException.class);
  }

  @Test
  void whatAListingStillShowsIsNotLost() throws IOException {
    Staged staged = stage(1);
    storage.freezeListing();
    byte[] archive = storage.objects().remove(stagedKey(staged));

    assertTriedAgain(() -> store.commit(staged));

    storage.objects().put(stagedKey(staged), archive);
    assertThat(store.commit(staged)).isEqualTo(Outcome.PUBLISHED);
  }

  @Test
  void aDamagedArchiveIsLost() throws IOException {
    Staged staged = stage(1);
    storage.objects().get(stagedKey(staged))[100] ^= 1;

    assertThatThrownBy(() -> store.commit(staged))
        .isInstanceOf(ReleaseLostException.class)
        .hasMessageContaining("is damaged");
    assertThat(store.published()).isEmpty();
  }

  // ---------------------------------------------------------------- opening and cleaning

  /** Without the right to list a bucket, what is missing is answered with 403. */
  @Test
  void credentialsThatCannotTellMissingFromForbiddenCannotOpenAStore() {
    storage.trouble(
        (operation, key) -> {
          if (operation == Operation.OPEN && !storage.objects().containsKey(key)) {
            throw new ClientException("HTTP 403");
          }
        });

    assertThatThrownBy(() -> ObjectModelStore.open(files, ID))
        .hasMessageContaining("Cannot open the model store in mem://bucket/releases")
        .hasMessageContaining("403");
  }

  @Test
  void aMissingPermissionShowsWhenTheStoreIsOpened() {
    for (Operation denied : List.of(Operation.CREATE, Operation.DELETE, Operation.OPEN)) {
      storage.trouble(
          (operation, key) -> {
            if (operation == denied) {
              throw new ClientException("HTTP 403");
            }
          });
      assertThatThrownBy(() -> ObjectModelStore.open(files, ID))
          .as("%s", denied)
          .hasMessageContaining("Cannot open the model store");
    }
  }

  @Test
  void openingCollectsWhatNothingNeedsAnyMore_andNothingElse() throws IOException {
    store.commit(stage(1));
    stage(1);
    Staged waiting = stage(2);
    storage.age(stagedKey(waiting), Instant.now().minus(Duration.ofDays(400)));
    files.write(".staging/probe-dead", "probe".getBytes(UTF_8));
    storage.age("releases/.staging/probe-dead", Instant.now().minus(Duration.ofHours(25)));
    files.write(".staging/probe-alive", "probe".getBytes(UTF_8));

    ObjectModelStore reopened = ObjectModelStore.reopen(files);

    assertThat(staging())
        .containsExactlyInAnyOrder(stagedKey(waiting), "releases/.staging/probe-alive");
    assertThat(reopened.commit(waiting)).isEqualTo(Outcome.PUBLISHED);
  }

  @Test
  void nothingIsRemovedWhereTheStoreMayBeAway() throws IOException {
    stage(1);
    storage.objects().remove(MARKER);

    assertThatThrownBy(() -> ObjectModelStore.reading(files).removeStaged(Instant.MAX))
        .hasMessageContaining("either")
        .isInstanceOf(IOException.class);
    assertThatThrownBy(() -> store.removeStaged(Instant.MAX))
        .hasMessageContaining("the store is not there");
    assertThat(staging()).hasSize(1);
  }

  @Test
  void aDamagedMarkerIsNamed() {
    storage.objects().put(MARKER, "0123".getBytes(UTF_8));

    assertThatThrownBy(() -> ObjectModelStore.open(files, ID))
        .hasMessageContaining("mem://bucket/releases/.murmuration-store must hold the id");
  }

  /** As by a command that copies a directory; what is hidden may have stayed behind. */
  @Test
  void aStoreThatWasCopiedFromADirectoryIsRead() throws IOException {
    ReleaseFiles release = ReleaseFixtures.files(1, 1);
    StoredFiles copied = storage.at("copied");
    for (Map.Entry<String, byte[]> file : release.files().entrySet()) {
      copied.write(release.name() + "/" + file.getKey(), file.getValue());
    }

    ModelStore reading = ObjectModelStore.reading(copied);

    assertThat(reading.published()).containsExactly("round-00000001");
    assertThat(reading.read("round-00000001")).containsOnlyKeys(release.files().keySet());
    ObjectModelStore adopted = ObjectModelStore.open(copied, ID);
    assertThat(adopted.commit(adopted.stage(release))).isEqualTo(Outcome.ALREADY_PUBLISHED);
    assertThatThrownBy(() -> adopted.commit(adopted.stage(ReleaseFixtures.files(1, 2))))
        .isInstanceOf(ReleaseConflictException.class);
  }
}
