package io.murmuration.contribution;

import static io.murmuration.contribution.SamplerHarness.els;
import static io.murmuration.contribution.SamplerHarness.texts;
import static io.murmuration.contribution.SamplerHarness.uls;
import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.event.DeadLetter;
import io.murmuration.event.DeadLetterSerializer;
import io.murmuration.event.Example;
import io.murmuration.event.RawRecord;
import io.murmuration.event.RejectionReason;
import io.murmuration.event.UserEvent;
import io.murmuration.event.UserEventSerializer;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.serialization.ValueSerializer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.util.OperatorSnapshotUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * State written by former versions is read. Version 1 has pools of version 1; up to version 2 each
 * user has one timer. A fixture is written once, by {@link #main}, when a version is new, and never
 * changed.
 */
class SavepointCompatibilityTest {

  private static final int CURRENT_VERSION = 3;
  private static final ContributionBounds BOUNDS = new ContributionBounds(10, 2, 3);

  /**
   * Writes the fixtures of the current version.
   *
   * @param args the directory of this package's test resources
   */
  public static void main(String[] args) throws Exception {
    for (boolean userLevel : new boolean[] {true, false}) {
      try (SamplerHarness job = new SamplerHarness(BOUNDS, 1).open()) {
        job.epoch(5, 100);
        for (int user = 0; user < 4; user++) {
          for (int i = 0; i <= user; i++) {
            job.say("user" + user, "text %d of %d 🐦".formatted(i, user));
          }
        }
        job.round(100, userLevel ? uls(0.25, 2) : els(0.25, 6));
        job.tick(109);
        job.say("user0", "next window");
        OperatorSnapshotUtil.writeStateHandle(
            job.flink.snapshot(1, 1),
            Path.of(args[0], name(CURRENT_VERSION, userLevel)).toString());
      }
    }
  }

  private static String name(int version, boolean userLevel) {
    return "savepoint-%d-%s".formatted(version, userLevel ? "uls" : "els");
  }

  private OperatorSubtaskState fixture(int version, boolean userLevel) throws Exception {
    Path copy = Files.createTempFile("savepoint", "");
    try (InputStream fixture = getClass().getResourceAsStream(name(version, userLevel))) {
      Files.write(copy, fixture.readAllBytes());
      return OperatorSnapshotUtil.readStateHandle(copy.toString());
    } finally {
      Files.delete(copy);
    }
  }

  @ParameterizedTest
  @CsvSource({"1, true", "1, false", "2, true", "2, false", "3, true", "3, false"})
  void savepointOfEveryVersion_isRestored(int version, boolean userLevel) throws Exception {
    OperatorSubtaskState state = fixture(version, userLevel);
    try (SamplerHarness job = new SamplerHarness(BOUNDS, 2).restore(state)) {
      job.signal(job.grantOf(5, 110, uls(1, 6)));
      job.epoch(6, 110);
      List<UserSample> all = job.round(110, uls(1, 6));
      assertThat(all).hasSize(4);
      assertThat(texts(all))
          .hasSize(8)
          .contains("text 0 of 0 🐦", "next window", "text 0 of 1 🐦", "text 1 of 1 🐦");
      assertThat(texts(job.round(130, uls(1, 6)))).containsExactly("next window");
    }
  }

  /** The same users said the same under the same random bits when each fixture was written. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void stateOfEveryVersion_samplesAlike_dueTicksIncluded(boolean userLevel) throws Exception {
    List<UserSample> ofCurrent = firstRounds(fixture(CURRENT_VERSION, userLevel), userLevel);
    assertThat(ofCurrent).hasSizeGreaterThan(4);
    for (int version = 1; version < CURRENT_VERSION; version++) {
      assertThat(firstRounds(fixture(version, userLevel), userLevel))
          .containsExactlyInAnyOrderElementsOf(ofCurrent);
    }
  }

  private static List<UserSample> firstRounds(OperatorSubtaskState state, boolean userLevel)
      throws Exception {
    List<UserSample> sampled = new ArrayList<>();
    try (SamplerHarness job = new SamplerHarness(BOUNDS, 3).restore(state).epoch(6, 110)) {
      for (long tick = 110; tick < 130; tick++) {
        sampled.addAll(job.round(tick, userLevel ? uls(0.25, 2) : els(0.25, 6)));
      }
    }
    return sampled;
  }

  @Test
  void valuesOfVersion1_areReadAndWrittenAlike() throws IOException {
    RawRecord raw = new RawRecord(new byte[] {1}, null, "topic", 2, 300, 1_700_000_000_000L);
    DeadLetter letter =
        roundTrip(
            new DeadLetterSerializer(),
            "010b454d5054595f54455854"
                + "0764657461696c"
                + "020201"
                + "0006746f706963"
                + "02ac02"
                + "0000018bcfe5680000",
            new DeadLetter(RejectionReason.EMPTY_TEXT, "detail", raw));
    assertThat(letter.record().value()).isNull();
    UserEvent event = UserEvent.interaction("ann", "e1", 1, null, "é");
    assertThat(
            new UserEventSerializer()
                .deserialize(
                    new DataInputDeserializer(
                        HexFormat.of().parseHex("010004616e6e03653100000000000000010003c3a9"))))
        .isEqualTo(event);
    UserEvent read = event.at(3, 300);
    assertThat(
            new UserEventSerializer()
                .deserialize(
                    new DataInputDeserializer(
                        HexFormat.of()
                            .parseHex("020004616e6e03653100000000000000010003c3a903ac02"))))
        .isEqualTo(read);
    assertThat(
            roundTrip(
                new UserEventSerializer(),
                "030004616e6e03653100000000000000010003c3a903ac02",
                read))
        .isEqualTo(read);
    UserEvent beginning = UserEvent.beginning(3, 300);
    assertThat(
            roundTrip(
                new UserEventSerializer(), "0302010100000000000000000001" + "03ac02", beginning))
        .isEqualTo(beginning);
    UserSample sample = new UserSample(1, 2, 300, "ann", List.of(new Example("p", "t")));
    assertThat(roundTrip(new UserSampleSerializer(), "010102ac0204616e6e0102700274", sample))
        .isEqualTo(sample);
    PooledExample example = new PooledExample(-1, null, "t");
    assertThat(roundTrip(new PooledExampleSerializer(), "01ffffffffffffffff000274", example))
        .isEqualTo(example);
  }

  private static <T> T roundTrip(ValueSerializer<T> serializer, String fixture, T value)
      throws IOException {
    DataOutputSerializer out = new DataOutputSerializer(64);
    serializer.serialize(value, out);
    assertThat(HexFormat.of().formatHex(out.getCopyOfBuffer())).isEqualTo(fixture);
    return serializer.deserialize(new DataInputDeserializer(HexFormat.of().parseHex(fixture)));
  }

  @Test
  void whatIsKnownOfLifetimes_isReadAndWrittenAlike() throws IOException {
    roundTrip(new LifetimeSerializer(), "01028502ac02", new Lifetime(2, 130, 300, true));
    SamplerHistory history =
        new SamplerHistory(
            new SamplerIdentity("k", "r", 1),
            new SamplerHistory.Topic("c", "t"),
            7,
            new Horizon(2, 132, 40),
            /* endsEarly= */ true,
            300,
            301,
            List.of(new SamplerHistory.Gap(250, 252, true)),
            List.of(new SamplerHistory.Partition(1, 20, 30, 249)));
    assertThat(
            new SamplerHistorySerializer()
                .deserialize(
                    new DataInputDeserializer(
                        HexFormat.of()
                            .parseHex(
                                "01026b0272010102630274070102840128ac02ad0201fa01fc01010101141ef901"))))
        .isEqualTo(history);
    assertThat(
            roundTrip(
                new SamplerHistorySerializer(),
                "02026b0272010102630274070102840128ac02ad020101fa01fc01010101141ef901",
                history))
        .isEqualTo(history);
    UserPool pool = new UserPool(4);
    pool.stretch = new Stretch(2, 130, 299, 3, 300);
    UserPool read = roundTrip(new UserPoolSerializer(), "03040000000002028201ab02ad0203", pool);
    assertThat(read.stretch).isEqualTo(pool.stretch);
  }
}
