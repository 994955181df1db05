package io.murmuration.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.GrantSerializer;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.PublicClock;
import io.murmuration.serialization.ValueSerializer;
import java.io.IOException;
import java.io.InputStream;
import java.util.HexFormat;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.junit.jupiter.api.Test;

class ReleaseSerializersTest {

  /** {@link ReleaseFixtures#grant} of round 7, but for its version, its query and its end. */
  private static final String GRANT_BEGINNING =
      "0000000000000003000000000000000700000000000000"
          + "6b000000010003554c533fb0000000000000000000023fece5604189374c"
          + "3ff00000000000004090000000000000";

  private static final String GRANT_END =
      "3fe666f9335d249e3eb0c6f7a0b5ed8d0040" + "30".repeat(63) + "37";

  private static final String GRANT_VERSION_1 = "01" + GRANT_BEGINNING + GRANT_END;

  /** Says what the round sums: the byte 0 is an update. */
  private static final String GRANT_VERSION_2 = "02" + GRANT_BEGINNING + "00" + GRANT_END;

  /** Says when the domain's time began and how long a tick is. */
  private static final String GRANT_VERSION_3 =
      "03" + GRANT_BEGINNING + "00" + GRANT_END + "0000018bcfe56800" + "00000000000927c0";

  /** Says whose budget it is: the byte 0 is the domain's, 1 each user's. */
  private static final String GRANT_VERSION_4 = "04" + GRANT_VERSION_3.substring(2);

  private static final String NO_LIFETIME = "00";
  private static final String LIFETIME =
      "01" + "00000002" + "0000000000000005" + "0000000000000006";

  /** Says which round of its phase it is, and how noise is correlated: the byte 0 is not at all. */
  private static final String GRANT_VERSION_5 = "05" + GRANT_VERSION_4.substring(2);

  private static final String FIRST_ROUND_INDEPENDENT_NOISE = "0000000000000000" + "00";

  private static final PublicClock CLOCK =
      new PublicClock(1_700_000_000_000L, /* intervalMillis= */ 600_000);

  private static <T> byte[] bytes(ValueSerializer<T> serializer, T value) throws IOException {
    DataOutputSerializer out = new DataOutputSerializer(16);
    serializer.serialize(value, out);
    return out.getCopyOfBuffer();
  }

  @Test
  void grantsComeBack() throws IOException {
    GrantSerializer serializer = new GrantSerializer();
    byte[] bytes = bytes(serializer, ReleaseFixtures.grant(7));

    assertThat(serializer.deserialize(new DataInputDeserializer(bytes)))
        .isEqualTo(ReleaseFixtures.grant(7));
  }

  @Test
  void theFormatOfGrantsIsPinned() throws IOException {
    assertThat(
            HexFormat.of().formatHex(bytes(new GrantSerializer(), ReleaseFixtures.grant(7, CLOCK))))
        .isEqualTo(GRANT_VERSION_5 + NO_LIFETIME + FIRST_ROUND_INDEPENDENT_NOISE);
  }

  @Test
  void theFormatOfGrantsThatCountInALifetimeIsPinned() throws IOException {
    Grant counted = countedGrant();
    byte[] written = bytes(new GrantSerializer(), counted);

    assertThat(HexFormat.of().formatHex(written))
        .isEqualTo(GRANT_VERSION_5 + LIFETIME + FIRST_ROUND_INDEPENDENT_NOISE);
    assertThat(new GrantSerializer().deserialize(new DataInputDeserializer(written)))
        .isEqualTo(counted);
  }

  private static Grant countedGrant() {
    Grant plain = ReleaseFixtures.grant(7, CLOCK);
    return new Grant(
        plain.epoch(),
        plain.round(),
        plain.tick(),
        plain.phase(),
        plain.mechanism(),
        plain.epsilonSpent(),
        plain.delta(),
        plain.ledgerHash(),
        plain.clock(),
        new Horizon(/* generation= */ 2, /* rounds= */ 5, /* firstRound= */ 6));
  }

  @Test
  void grantsOfTheFourthFormatHaveIndependentNoise() throws IOException {
    assertThat(read(GRANT_VERSION_4 + NO_LIFETIME)).isEqualTo(ReleaseFixtures.grant(7, CLOCK));
    assertThat(read(GRANT_VERSION_4 + LIFETIME)).isEqualTo(countedGrant());
  }

  private static Grant read(String written) throws IOException {
    return new GrantSerializer()
        .deserialize(new DataInputDeserializer(HexFormat.of().parseHex(written)));
  }

  @Test
  void grantsOfTheThirdFormatCountInNoLifetime() throws IOException {
    assertThat(read(GRANT_VERSION_3)).isEqualTo(ReleaseFixtures.grant(7, CLOCK));
  }

  @Test
  void grantsOfTheSecondFormatDoNotSayWhenTheirTickIs() throws IOException {
    assertThat(read(GRANT_VERSION_2)).isEqualTo(ReleaseFixtures.grant(7));
  }

  @Test
  void grantsOfTheFirstFormatAreUpdates() throws IOException {
    assertThat(read(GRANT_VERSION_1)).isEqualTo(ReleaseFixtures.grant(7));
  }

  @Test
  void roundReleasesComeBack() throws IOException {
    RoundRelease release = ReleaseFixtures.release(7, 1);
    RoundReleaseSerializer serializer = new RoundReleaseSerializer();

    RoundRelease found =
        serializer.deserialize(new DataInputDeserializer(bytes(serializer, release)));

    assertThat(found.grant()).isEqualTo(release.grant());
    assertThat(found.weights()).isEqualTo(release.weights());
  }

  @Test
  void committablesComeBackAndALaterFormatIsRefused() throws IOException {
    PublishCommittable committable =
        new PublishCommittable(
            new ModelStore.Staged("ef".repeat(16), "round-00000007", "cd".repeat(32)),
            new Announcement("chat", 7, "{\"é\":1}", /* publicMillis= */ 1234),
            new PublicClock(1_000, 200),
            /* visibleTick= */ 9);
    PublishCommittableSerializer serializer = new PublishCommittableSerializer();
    byte[] bytes = serializer.serialize(committable);

    assertThat(serializer.deserialize(serializer.getVersion(), bytes)).isEqualTo(committable);
    assertThatThrownBy(() -> serializer.deserialize(4, bytes))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("format version 4 but this release reads versions up to 3");
  }

  /** Written by the last release whose committables named no store. */
  @Test
  void committablesOfVersion1AreReadAndNameNoStore() throws IOException {
    byte[] old;
    try (InputStream fixture = getClass().getResourceAsStream("committable-v1.bin")) {
      old = fixture.readAllBytes();
    }

    assertThat(new PublishCommittableSerializer().deserialize(1, old))
        .isEqualTo(
            new PublishCommittable(
                new ModelStore.Staged("", "round-00000007", "cd".repeat(32)),
                new Announcement("chat", 7, "{\"é\":1}", /* publicMillis= */ 0)));
  }

  @Test
  void announcementsAreDatedByTheirTickAndKeyedByDomainAndRound() {
    var sent =
        new AnnouncementKafkaSerializer("releases")
            .serialize(
                new Announcement("chat", 7, "{}", /* publicMillis= */ 1_700_000_000_000L),
                null,
                /* elementTimestamp= */ 107L);

    assertThat(sent.timestamp()).isEqualTo(1_700_000_000_000L);
    assertThat(sent.key()).asString().isEqualTo("chat/7");
    assertThat(sent.value()).asString().isEqualTo("{}");
  }

  /** State of earlier versions does not say it, and 1970 would be deleted at once. */
  @Test
  void announcementsWithoutADateAreDatedByTheWallClock() {
    long before = System.currentTimeMillis();
    var sent =
        new AnnouncementKafkaSerializer("releases")
            .serialize(new Announcement("chat", 7, "{}", /* publicMillis= */ 0), null, 107L);
    assertThat(sent.timestamp()).isBetween(before, System.currentTimeMillis());
  }
}
