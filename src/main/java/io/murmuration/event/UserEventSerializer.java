package io.murmuration.event;

import io.murmuration.event.UserEvent.Kind;
import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Version 2: whether it erases, user id, event id, event time, prompt or null, text, partition,
 * offset. Version 1 has neither of the last two.
 */
public final class UserEventSerializer extends ValueSerializer<UserEvent> {

  private static final long serialVersionUID = 1L;

  @Override
  protected int version() {
    return 2;
  }

  @Override
  protected void write(UserEvent value, DataOutputView out) throws IOException {
    out.writeBoolean(value.isErasure());
    Wire.writeString(value.userId(), out);
    Wire.writeString(value.eventId(), out);
    out.writeLong(value.eventTimeMillis());
    Wire.writeString(value.prompt(), out);
    Wire.writeString(value.text(), out);
    Wire.writeVarInt(value.partition(), out);
    Wire.writeVarLong(value.offset(), out);
  }

  @Override
  protected UserEvent read(int version, DataInputView in) throws IOException {
    return new UserEvent(
        in.readBoolean() ? Kind.ERASURE : Kind.INTERACTION,
        Wire.readString(in),
        Wire.readString(in),
        in.readLong(),
        Wire.readString(in),
        Wire.readString(in),
        version == 1 ? 0 : Wire.readVarInt(in),
        version == 1 ? 0 : Wire.readVarLong(in));
  }
}
