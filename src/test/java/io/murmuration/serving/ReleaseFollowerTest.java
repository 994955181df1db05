package io.murmuration.serving;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.cli.PublishedRun;
import io.murmuration.job.ConfiguredMechanism;
import io.murmuration.privacy.ledger.ChargeHistory;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.release.Digests;
import io.murmuration.release.ForwardingModelStore;
import io.murmuration.release.Guarantee;
import io.murmuration.release.ModelStore;
import io.murmuration.storage.Location;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is served when, with every way in which a store or a ledger can be wrong planted. */
class ReleaseFollowerTest {

  private static final String WEIGHTS = "adapter_model.safetensors";

  private static PublishedRun run;

  private GrowingStore seen;

  /** What was loaded, in order. */
  private final List<Fake> loaded = new ArrayList<>();

  /** Thrown instead of answers; null where store and ledger are there. */
  private IOException storeAway;

  private LedgerException ledgerAway;
  private ReleaseFollower<Fake> follower;

  private static final class Fake implements Servable {
    private final String release;
    private final String weights;
    private boolean closed;

    Fake(ServedRelease release, SortedMap<String, byte[]> files) {
      this.release = release.name();
      this.weights = Digests.ofFile(files.get(WEIGHTS));
    }

    @Override
    public void close() {
      assertThat(closed).as("%s is closed once", release).isFalse();
      closed = true;
    }
  }

  @BeforeAll
  static void publish(@TempDir Path directory) throws Exception {
    run = PublishedRun.in(directory).rounds(PublishedRun.MECHANISM, 8, 4, null);
  }

  @BeforeEach
  void follow(@TempDir Path directory) throws IOException {
    seen = new GrowingStore(run, directory);
    follower = following(seen::store);
  }

  private ReleaseFollower<Fake> following(ReleaseFollower.Store store) {
    return new ReleaseFollower<>(
        () -> {
          if (storeAway != null) {
            throw storeAway;
          }
          return store.open();
        },
        this::charges,
        (release, files) -> {
          Fake fake = new Fake(release, files);
          loaded.add(fake);
          return fake;
        });
  }

  private ChargeHistory charges() throws IOException, LedgerException, InterruptedException {
    if (ledgerAway != null) {
      throw ledgerAway;
    }
    return LedgerPlace.of(Location.of(seen.ledger())).charges(ConfiguredMechanism::accountant);
  }

  private Optional<String> served() {
    try (ServedModels.Lease<Fake> lease = follower.lease().orElse(null)) {
      if (lease == null) {
        return Optional.empty();
      }
      assertThat(lease.model().closed).isFalse();
      assertThat(lease.model().release).isEqualTo(lease.release().name());
      assertThat(follower.status().served()).contains(lease.release());
      return Optional.of(lease.release().name());
    }
  }

  private void assertRefused(ReleaseFollower.Look look, String release, String problem) {
    assertThat(look.refused()).extracting(Refusal::release).contains(release);
    assertThat(look.refused().stream().filter(refusal -> refusal.release().equals(release)))
        .singleElement()
        .satisfies(refusal -> assertThat(refusal.inWords()).contains(problem));
    assertThat(look.taken()).isEmpty();
    assertThat(look.away()).isEmpty();
  }

  @Test
  void servesTheNewestAndTakesUpNewerOnes() throws Exception {
    assertThat(follower.look().away()).contains("the store holds no release of a model yet");
    assertThat(served()).isEmpty();

    seen.show(1).show(2);
    ReleaseFollower.Look look = follower.look();
    assertThat(look.taken().orElseThrow().name()).isEqualTo("round-00000002");
    assertThat(look.refused()).isEmpty();
    assertThat(look.away()).isEmpty();
    assertThat(served()).contains("round-00000002");
    assertThat(follower.look().taken()).isEmpty();

    seen.show(3);
    ServedRelease taken = follower.look().taken().orElseThrow();
    assertThat(taken.round()).isEqualTo(3);
    assertThat(taken.digest()).isEqualTo(Digests.ofRelease(seen.store().read(taken.name())));
    assertThat(served()).contains("round-00000003");
    assertThat(loaded).extracting(fake -> fake.release).doesNotContain("round-00000001");
  }

  @Test
  void whatIsReplacedIsClosedOnceItsLastUserIsDone() throws Exception {
    seen.show(1);
    follower.look();
    ServedModels.Lease<Fake> first = follower.lease().orElseThrow();
    ServedModels.Lease<Fake> second = follower.lease().orElseThrow();
    seen.show(2);
    follower.look();

    assertThat(first.model().release).isEqualTo("round-00000001");
    first.close();
    first.close(); // harmless
    assertThat(loaded.get(0).closed).isFalse();
    second.close();
    assertThat(loaded.get(0).closed).isTrue();
    assertThat(served()).contains("round-00000002");

    ServedModels.Lease<Fake> last = follower.lease().orElseThrow();
    follower.close();
    assertThat(follower.lease()).isEmpty();
    assertThat(loaded.get(1).closed).isFalse();
    last.close();
    assertThat(loaded.get(1).closed).isTrue();
  }

  @Test
  void tamperedWeightsAreRefused_andTheNextSoundReleaseIsTaken() throws Exception {
    seen.show(1);
    follower.look();
    seen.show(2).tamper(2, WEIGHTS);

    assertRefused(follower.look(), "round-00000002", "SHA-256 of " + WEIGHTS + " is");
    assertThat(served()).contains("round-00000001");
    assertThat(follower.status().refused()).hasSize(1);
    assertThat(loaded).hasSize(1);

    seen.show(3);
    assertThat(follower.look().taken().orElseThrow().round()).isEqualTo(3);
    assertThat(follower.status().refused()).isEmpty();
  }

  @Test
  void ofSeveralNewerOnesTheNewestThatIsSoundIsTaken() throws Exception {
    seen.show(1);
    follower.look();
    seen.show(2).show(3).show(4).tamper(4, WEIGHTS).tamper(3, WEIGHTS);

    ReleaseFollower.Look look = follower.look();

    assertThat(look.taken().orElseThrow().round()).isEqualTo(2);
    assertThat(look.refused())
        .extracting(Refusal::release)
        .containsExactly("round-00000004", "round-00000003");
    assertThat(follower.status().refused()).hasSize(2);
  }

  @Test
  void aManifestThatStatesLessThanTheLedgerChargedIsRefused() throws Exception {
    seen.show(1);
    follower.look();
    seen.show(2);
    Path file = seen.release(2).resolve("manifest.json");
    ObjectNode manifest = (ObjectNode) new JsonMapper().readTree(file.toFile());
    double stated = manifest.get("epsilon_spent").asDouble();
    double understated = stated * 0.95;
    String honest = manifest.get("statement").asText();
    String sentence = Guarantee.sentence("chat", 2, understated, manifest.get("delta").asDouble());
    Files.writeString(
        file,
        manifest.put("epsilon_spent", understated).put("statement", sentence).toPrettyString());
    Path words = seen.release(2).resolve("PRIVACY.md");
    Files.writeString(words, Files.readString(words).replace(honest, sentence));

    assertRefused(
        follower.look(), "round-00000002", "its ε, %s, is below the ".formatted(understated));
    assertThat(served()).contains("round-00000001");
  }

  @Test
  void aReleaseWhoseChargeTheLedgerLacksIsRefused_untilTheLedgerHasIt() throws Exception {
    seen.show(1);
    follower.look();
    seen.show(4).cutLedger(1);

    assertRefused(follower.look(), "round-00000004", "the ledger holds no charge with the hash");
    assertThat(served()).contains("round-00000001");

    seen.restoreLedger();
    assertThat(follower.look().taken().orElseThrow().round()).isEqualTo(4);
  }

  @Test
  void aLedgerThatLostTheChargeOfWhatIsServedVouchesForNothing(@TempDir Path other)
      throws Exception {
    seen.show(2);
    follower.look();
    // the same domain began anew, and its third round is sound by itself
    PublishedRun forked = PublishedRun.in(other).rounds(PublishedRun.mechanism(0.8), 8, 3, null);
    GrowingStore fork = new GrowingStore(forked, other.resolve("seen")).show(3);
    Files.move(fork.release(3), seen.release(3));
    Files.copy(forked.ledger(), seen.ledger(), StandardCopyOption.REPLACE_EXISTING);

    assertRefused(
        follower.look(),
        "round-00000003",
        "the ledger does not hold the charge of round-00000002, which is served");
    assertThat(served()).contains("round-00000002");
  }

  @Test
  void aStoreThatGoesBackwardsIsRefused() throws Exception {
    seen.show(2).show(3);
    follower.look();
    seen.hide(3);

    assertRefused(follower.look(), "round-00000002", "it goes backwards");
    assertThat(served()).contains("round-00000003");
    assertThat(follower.look().refused()).as("said once").isEmpty();
    assertThat(follower.status().refused()).hasSize(1);

    seen.show(3);
    follower.look();
    assertThat(follower.status().refused()).isEmpty();
  }

  @Test
  void anotherReleaseOfTheServedRoundIsRefused() throws Exception {
    seen.show(2);
    follower.look();
    seen.tamper(2, "manifest.json");

    assertRefused(follower.look(), "round-00000002", "no round is released twice");
    assertThat(served()).contains("round-00000002");
  }

  @Test
  void aStoreOrALedgerThatIsAwayStopsNothing() throws Exception {
    seen.show(1);
    follower.look();
    seen.show(2);

    storeAway = new IOException("connection reset");
    ReleaseFollower.Look look = follower.look();
    assertThat(look.away()).contains("connection reset");
    assertThat(look.taken()).isEmpty();
    assertThat(served()).contains("round-00000001");

    storeAway = null;
    ledgerAway = new LedgerException.Unavailable("no broker answers");
    assertThat(follower.look().away()).contains("no broker answers");
    assertThat(follower.status().away()).contains("no broker answers");
    assertThat(served()).contains("round-00000001");

    ledgerAway = new LedgerException.Refused("the chain is broken");
    assertRefused(follower.look(), "round-00000002", "the chain is broken");
    assertThat(served()).contains("round-00000001");

    ledgerAway = null;
    assertThat(follower.look().taken().orElseThrow().round()).isEqualTo(2);
    assertThat(follower.status().away()).isEmpty();
  }

  @Test
  void aStoreThatGoesAwayWhileItIsReadStopsNothing() throws Exception {
    boolean[] away = {false};
    follower =
        following(
            () ->
                new ForwardingModelStore() {
                  @Override
                  public ModelStore store() {
                    try {
                      return seen.store();
                    } catch (IOException e) {
                      throw new UncheckedIOException(e);
                    }
                  }

                  @Override
                  public SortedMap<String, byte[]> read(String name) throws IOException {
                    if (away[0]) {
                      throw new IOException("the server stalls");
                    }
                    return store().read(name);
                  }
                });
    seen.show(1);
    follower.look();
    seen.show(2).show(3).tamper(3, WEIGHTS);
    assertThat(follower.look().taken().orElseThrow().round()).isEqualTo(2);
    away[0] = true;

    ReleaseFollower.Look look = follower.look();

    assertThat(look.away()).contains("the server stalls");
    assertThat(served()).contains("round-00000002");
    assertThat(follower.status().refused())
        .as("what was refused before is not forgotten")
        .extracting(Refusal::release)
        .containsExactly("round-00000003");
  }

  @Test
  void anEmptyStoreIsAway() throws Exception {
    seen.show(1);
    follower.look();
    seen.hide(1);

    assertThat(follower.look().away())
        .contains("the store lists no release any more, not even round-00000001");
    assertThat(served()).contains("round-00000001");
  }

  @Test
  void whatWasCheckedIsWhatIsLoaded() throws Exception {
    seen.show(1);
    String honest = Digests.ofFile(Files.readAllBytes(seen.release(1).resolve(WEIGHTS)));
    follower =
        new ReleaseFollower<>(
            seen::store,
            () -> {
              // after the files were read, before they are loaded
              seen.tamper(1, WEIGHTS);
              return charges();
            },
            (release, files) -> {
              Fake fake = new Fake(release, files);
              loaded.add(fake);
              return fake;
            });

    assertThat(follower.look().taken()).isPresent();

    assertThat(loaded).extracting(fake -> fake.weights).containsExactly(honest);
  }

  @Test
  void aRefusedReleaseIsSaidOnceAndLeftAloneForEverLonger_butNotForEver() throws Exception {
    int[] reads = {0};
    follower =
        new ReleaseFollower<>(
            seen::store,
            () -> {
              reads[0]++;
              return charges();
            },
            Fake::new);
    seen.show(1);
    follower.look();
    seen.show(2).tamper(2, WEIGHTS);
    assertThat(follower.look().refused()).hasSize(1);
    reads[0] = 0;
    for (int i = 0; i < 1 + 2 + 3 + 5; i++) {
      assertThat(follower.look().refused()).isEmpty();
      assertThat(follower.status().refused()).hasSize(1);
    }
    assertThat(reads[0]).isEqualTo(4);

    seen.tamper(2, WEIGHTS); // as it was: the copy has come to its end
    int looks = 1;
    while (follower.look().taken().isEmpty()) {
      looks++;
    }
    assertThat(looks).isEqualTo(9);
    assertThat(follower.status().refused()).isEmpty();
  }

  @Test
  void whatCannotBeLoadedIsRefused_andAMissingBaseModelIsAway() throws Exception {
    Exception[] fault = {null};
    follower =
        new ReleaseFollower<>(
            seen::store,
            this::charges,
            (release, files) -> {
              if (fault[0] instanceof IOException e) {
                throw e;
              }
              if (fault[0] instanceof RuntimeException e) {
                throw e;
              }
              return new Fake(release, files);
            });
    seen.show(1);
    follower.look();
    seen.show(2);

    fault[0] = new IOException("the base model is out of reach");
    assertThat(follower.look().away()).contains("the base model is out of reach");
    fault[0] = new IllegalArgumentException("it was trained on another base model");
    assertRefused(
        follower.look(), "round-00000002", "it cannot be served: it was trained on another");
    assertThat(served()).contains("round-00000001");

    fault[0] = null;
    assertThat(follower.look().taken()).isPresent();
  }
}
