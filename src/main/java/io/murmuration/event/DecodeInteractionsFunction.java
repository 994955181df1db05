package io.murmuration.event;

import java.io.IOException;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/**
 * Decodes raw records; what breaks a rule goes to the side output {@link #DEAD_LETTERS}.
 *
 * <p>Counts dead letters by reason in the metric group {@code private}, as exact functions of
 * users' data.
 */
public final class DecodeInteractionsFunction extends ProcessFunction<RawRecord, UserEvent> {

  private static final long serialVersionUID = 1L;

  /** The side output of rejected records. */
  public static final OutputTag<DeadLetter> DEAD_LETTERS =
      new OutputTag<>("dead-letters", new DeadLetterSerializer().typeInfo(DeadLetter.class));

  private final InteractionRules rules;
  private final EventFormat format;
  private final Truncation.Factory truncations;
  private final UserCounting counting;

  private transient InteractionReader reader;
  private transient Truncation truncation;
  private transient Map<RejectionReason, Counter> rejected;

  /**
   * Decodes values of a format.
   *
   * @param truncations opened by every subtask
   */
  public DecodeInteractionsFunction(
      InteractionRules rules, EventFormat format, Truncation.Factory truncations) {
    this(rules, format, truncations, /* counting= */ null);
  }

  /**
   * The same.
   *
   * @param counting what events need where users have lifetimes; null where they have none
   */
  public DecodeInteractionsFunction(
      InteractionRules rules,
      EventFormat format,
      Truncation.Factory truncations,
      UserCounting counting) {
    this.rules = Objects.requireNonNull(rules, "rules");
    this.format = Objects.requireNonNull(format, "format");
    this.truncations = Objects.requireNonNull(truncations, "truncations");
    this.counting = counting;
  }

  @Override
  public void open(OpenContext context) throws IOException {
    truncation = truncations.open();
    reader = new InteractionReader(rules, format);
    rejected = new EnumMap<>(RejectionReason.class);
    MetricGroup inside = getRuntimeContext().getMetricGroup().addGroup("private");
    for (RejectionReason reason : RejectionReason.values()) {
      rejected.put(reason, inside.addGroup("reason", reason.name()).counter("deadLetters"));
    }
  }

  @Override
  public void close() {
    if (truncation != null) {
      truncation.close();
    }
  }

  @Override
  public void processElement(RawRecord record, Context context, Collector<UserEvent> out)
      throws IOException, InterruptedException {
    if (record.isBeginning()) {
      out.collect(UserEvent.beginning(record.partition(), record.offset()));
      return;
    }
    UserEvent event;
    try {
      event = truncation.cut(reader.read(record));
      if (counting != null) {
        event = counting.counted(event, record);
      }
    } catch (RejectedRecordException e) {
      rejected.get(e.reason()).inc();
      context.output(DEAD_LETTERS, new DeadLetter(e.reason(), e.getMessage(), record));
      return;
    }
    out.collect(event);
  }
}
