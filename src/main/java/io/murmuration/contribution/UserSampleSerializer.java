package io.murmuration.contribution;

import io.murmuration.event.Example;
import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Version 1: epoch, round, tick, user id, number of examples, each with prompt or null and text.
 */
public final class UserSampleSerializer extends ValueSerializer<UserSample> {

  private static final long serialVersionUID = 1L;

  @Override
  protected int version() {
    return 1;
  }

  @Override
  protected void write(UserSample value, DataOutputView out) throws IOException {
    Wire.writeVarLong(value.epoch(), out);
    Wire.writeVarLong(value.round(), out);
    Wire.writeVarLong(value.tick(), out);
    Wire.writeString(value.userId(), out);
    Wire.writeVarInt(value.examples().size(), out);
    for (Example example : value.examples()) {
      Wire.writeString(example.prompt(), out);
      Wire.writeString(example.text(), out);
    }
  }

  @Override
  protected UserSample read(int version, DataInputView in) throws IOException {
    long epoch = Wire.readVarLong(in);
    long round = Wire.readVarLong(in);
    long tick = Wire.readVarLong(in);
    String userId = Wire.readString(in);
    int count = Wire.readVarInt(in);
    List<Example> examples = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      examples.add(new Example(Wire.readString(in), Wire.readString(in)));
    }
    return new UserSample(epoch, round, tick, userId, examples);
  }
}
