package io.murmuration.event;

import static io.murmuration.event.RawRecords.record;
import static io.murmuration.event.RawRecords.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.event.avro.Interaction;
import io.murmuration.registry.FakeRegistry;
import io.murmuration.registry.RegistryEndpoint;
import java.io.IOException;
import java.time.Instant;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.NotBlank;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** What one of the formats writes, the job reads as it was. */
class EventEncoderTest {

  private static FakeRegistry registry;
  private static Map<EventEncoder, InteractionReader> pairs;

  @BeforeContainer
  static void start() throws IOException {
    registry = FakeRegistry.start().with(7, EventEncoder.schema().toString());
    pairs =
        Map.of(
            EventEncoder.avro(), reader(EventFormat.avro(WriterSchemas.builtIn())),
            EventEncoder.registry(7),
                reader(
                    EventFormat.registry(
                        RegistryEndpoint.at(registry.url()),
                        FieldPaths.DEFAULTS,
                        /* timeFormat= */ null)),
            EventEncoder.json(), reader(EventFormat.json(FieldPaths.DEFAULTS, TimeFormat.ISO)));
  }

  @AfterContainer
  static void stop() {
    registry.close();
  }

  private static InteractionReader reader(EventFormat format) {
    return new InteractionReader(InteractionRules.DEFAULTS, format);
  }

  @Property(tries = 300, seed = "20")
  void whatIsWrittenIsReadAsItWas(
      @ForAll @NotBlank String text,
      @ForAll String prompt,
      @ForAll long millis,
      @ForAll boolean prompted,
      @ForAll boolean erases)
      throws Exception {
    if (!WellFormed.isWellFormed(text) || !WellFormed.isWellFormed(prompt)) {
      return;
    }
    Interaction interaction =
        Interaction.newBuilder()
            .setEventId("e")
            .setUserId("ann")
            .setEventTime(Instant.ofEpochMilli(millis))
            .setText(erases ? "" : text)
            .setPrompt(prompted && !erases ? prompt : null)
            .setErase(erases)
            .build();
    UserEvent event =
        erases
            ? UserEvent.erasure("ann", "e", millis)
            : UserEvent.interaction("ann", "e", millis, prompted ? prompt : null, text);
    for (Map.Entry<EventEncoder, InteractionReader> pair : pairs.entrySet()) {
      byte[] value = pair.getKey().encode(interaction);
      assertThat(pair.getValue().read(record(utf8("ann"), value))).isEqualTo(event);
    }
  }
}
