package io.murmuration.event;

import static io.murmuration.event.RawRecords.record;
import static io.murmuration.event.RawRecords.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.util.ListCollector;
import org.apache.flink.streaming.api.operators.ProcessOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.util.InstantiationUtil;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.utils.Utils;
import org.junit.jupiter.api.Test;

class DecodeInteractionsFunctionTest {

  @Test
  void badRecords_goToTheDeadLetters_andTheJobGoesOn() throws Exception {
    DecodeInteractionsFunction decode =
        InstantiationUtil.clone(
            new DecodeInteractionsFunction(
                InteractionRules.DEFAULTS,
                EventFormat.avro(WriterSchemas.builtIn()),
                Truncation.none()));
    UserEvent good = UserEvent.interaction("ann", "e1", 1, null, "hello");
    byte[] megabyteId = new byte[1 << 20];
    try (OneInputStreamOperatorTestHarness<RawRecord, UserEvent> flink =
        new OneInputStreamOperatorTestHarness<>(new ProcessOperator<>(decode))) {
      flink.setup(new UserEventSerializer());
      flink.open();
      List<RawRecord> records =
          List.of(
              record(megabyteId, utf8("garbage")),
              RawRecords.of(good),
              record(utf8("ann"), utf8("garbage")),
              record(utf8("ann"), null));
      for (RawRecord record : records) {
        flink.processElement(new StreamRecord<>(record));
      }
      assertThat(flink.extractOutputValues())
          .containsExactly(good, UserEvent.erasure("ann", "", 1_700_000_000_000L));
      assertThat(flink.getSideOutput(DecodeInteractionsFunction.DEAD_LETTERS))
          .extracting(StreamRecord::getValue)
          .extracting(DeadLetter::reason, letter -> letter.record().key())
          .containsExactly(
              tuple(RejectionReason.USER_ID_TOO_LONG, megabyteId),
              tuple(RejectionReason.NOT_SINGLE_OBJECT_ENCODED, records.get(2).key()));
    }
  }

  @Test
  void whereUsersAreCounted_eventsHavePseudonymsAndPlaces_andOneUserOnePartition()
      throws Exception {
    UserPseudonyms pseudonyms = new UserPseudonyms(new byte[32]);
    DecodeInteractionsFunction decode =
        InstantiationUtil.clone(
            new DecodeInteractionsFunction(
                InteractionRules.DEFAULTS,
                EventFormat.avro(WriterSchemas.builtIn()),
                Truncation.none(),
                new UserCounting(pseudonyms, /* partitions= */ 6)));
    UserEvent hello = UserEvent.interaction("ann", "e1", 1, null, "hello");
    RawRecord raw = RawRecords.of(hello);
    // where Kafka's producer puts the key "ann" of six partitions
    int named = Utils.toPositive(Utils.murmur2(utf8("ann"))) % 6;
    try (OneInputStreamOperatorTestHarness<RawRecord, UserEvent> flink =
        new OneInputStreamOperatorTestHarness<>(new ProcessOperator<>(decode))) {
      flink.setup(new UserEventSerializer());
      flink.open();
      for (int partition = 0; partition < 6; partition++) {
        flink.processElement(
            new StreamRecord<>(
                new RawRecord(raw.key(), raw.value(), raw.topic(), partition, 40, 0)));
      }
      flink.processElement(
          new StreamRecord<>(new RawRecord(raw.key(), null, raw.topic(), (named + 1) % 6, 41, 7)));
      assertThat(flink.extractOutputValues())
          .containsExactly(
              hello.of(pseudonyms.of("ann")).at(named, 40),
              UserEvent.erasure(pseudonyms.of("ann"), "", 7).at((named + 1) % 6, 41));
      assertThat(flink.getSideOutput(DecodeInteractionsFunction.DEAD_LETTERS))
          .hasSize(5)
          .extracting(letter -> letter.getValue().reason())
          .containsOnly(RejectionReason.WRONG_PARTITION);
    }
  }

  @Test
  void everyEvent_isCut_andWhatCannotBeCutIsADeadLetter() throws Exception {
    boolean[] closed = new boolean[1];
    Truncation firstWord =
        new Truncation() {
          @Override
          public UserEvent cut(UserEvent event) throws RejectedRecordException {
            int space = event.text().indexOf(' ');
            if (space < 0) {
              throw new RejectedRecordException(RejectionReason.NOT_TOKENIZABLE, "one word");
            }
            return UserEvent.interaction(
                event.userId(), event.eventId(), 1, null, event.text().substring(0, space));
          }

          @Override
          public void close() {
            closed[0] = true;
          }
        };
    DecodeInteractionsFunction decode =
        new DecodeInteractionsFunction(
            InteractionRules.DEFAULTS, EventFormat.avro(WriterSchemas.builtIn()), () -> firstWord);
    try (OneInputStreamOperatorTestHarness<RawRecord, UserEvent> flink =
        new OneInputStreamOperatorTestHarness<>(new ProcessOperator<>(decode))) {
      flink.setup(new UserEventSerializer());
      flink.open();
      for (String text : List.of("hello world", "hello")) {
        UserEvent event = UserEvent.interaction("ann", "e1", 1, null, text);
        flink.processElement(new StreamRecord<>(RawRecords.of(event)));
      }
      assertThat(flink.extractOutputValues())
          .containsExactly(UserEvent.interaction("ann", "e1", 1, null, "hello"));
      assertThat(flink.getSideOutput(DecodeInteractionsFunction.DEAD_LETTERS))
          .extracting(letter -> letter.getValue().reason())
          .containsExactly(RejectionReason.NOT_TOKENIZABLE);
    }
    assertThat(closed[0]).isTrue();
  }

  @Test
  void rawRecords_keepTombstonesAndCoordinates() {
    List<RawRecord> out = new ArrayList<>();
    new RawRecordDeserializationSchema()
        .deserialize(
            new ConsumerRecord<>("topic", 2, 99, utf8("ann"), null), new ListCollector<>(out));
    RawRecord raw = out.get(0);
    assertThat(raw.value()).isNull();
    assertThat(raw.key()).isEqualTo(utf8("ann"));
    assertThat(List.of(raw.topic(), raw.partition(), raw.offset()))
        .isEqualTo(List.of("topic", 2, 99L));
  }
}
