package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.training.ParameterStore.Key;
import org.junit.jupiter.api.Test;

/** What every way of parameters to workers must do. */
abstract class ParameterStoreContract {

  static final float[] FROZEN = {-0.0f, Float.MIN_VALUE};

  abstract ParameterStore store() throws Exception;

  static ModelVersion version(String job, long epoch, long round) {
    return new ModelVersion(
        job, epoch, round, ParameterDigest.of(values(epoch, round)), ParameterDigest.of(FROZEN));
  }

  static float[] values(long epoch, long round) {
    return new float[] {epoch, round, Float.NaN, 1 / 3f};
  }

  private static void put(ParameterStore store, ModelVersion version) throws Exception {
    store.put(Key.ofParameters(version), values(version.epoch(), version.round()));
    store.put(Key.ofFrozen(version), FROZEN);
  }

  private static void assertThere(ParameterStore store, ModelVersion version) throws Exception {
    assertThat(store.get(Key.ofParameters(version)))
        .containsExactly(values(version.epoch(), version.round()));
    assertThat(store.get(Key.ofFrozen(version))).containsExactly(FROZEN);
  }

  private static void assertGone(ParameterStore store, Key key) {
    assertThatIOException().isThrownBy(() -> store.get(key));
  }

  @Test
  void givesBackWhatWasPutBitForBit() throws Exception {
    put(store(), version("a", 1, 0));
    assertThere(store(), version("a", 1, 0));
  }

  @Test
  void anEmptyArrayIsNotNothing() throws Exception {
    ModelVersion version =
        new ModelVersion("a", 1, 0, ParameterDigest.of(FROZEN), ParameterDigest.of(new float[0]));
    assertGone(store(), Key.ofFrozen(version));
    store().put(Key.ofFrozen(version), new float[0]);
    assertThat(store().get(Key.ofFrozen(version))).isEmpty();
  }

  @Test
  void whatNobodyPutIsNotThere() throws Exception {
    ParameterStore store = store();
    put(store, version("a", 1, 0));
    assertGone(store, Key.ofParameters(version("b", 1, 0)));
    assertGone(store, Key.ofParameters(version("a", 1, 1)));
    assertGone(store, Key.ofParameters(version("a", 2, 0)));
  }

  @Test
  void puttingTwiceIsPuttingOnce() throws Exception {
    put(store(), version("a", 1, 0));
    put(store(), version("a", 1, 0));
    assertThere(store(), version("a", 1, 0));
  }

  @Test
  void aVersionSupersedesEarlierEpochsAndItsOwnEarlierRounds() throws Exception {
    ParameterStore store = store();
    put(store, version("a", 1, 4));
    put(store, version("a", 2, 4));
    put(store, version("a", 2, 5));
    store.deleteSuperseded(version("a", 2, 5));
    assertGone(store, Key.ofParameters(version("a", 1, 4)));
    assertGone(store, Key.ofFrozen(version("a", 1, 4)));
    assertGone(store, Key.ofParameters(version("a", 2, 4)));
    assertThere(store, version("a", 2, 5));
  }

  /** A job that another one fenced is told that one's epoch, and lives on beside it. */
  @Test
  void whoeverLivesOnTakesNothingFromThoseAfterIt() throws Exception {
    ParameterStore store = store();
    put(store, version("new", 3, 1));
    put(store, version("new", 4, 1));
    put(store, version("old", 3, 7));
    store.deleteSuperseded(version("old", 3, 7));
    assertThere(store, version("new", 3, 1));
    assertThere(store, version("new", 4, 1));
    assertThere(store, version("old", 3, 7));
  }

  @Test
  void deletingWhereNothingWasPutIsNoFault() throws Exception {
    store().deleteSuperseded(version("a", 9, 9));
    put(store(), version("a", 9, 9));
    assertThere(store(), version("a", 9, 9));
  }
}
