package io.murmuration.contribution;

import io.murmuration.privacy.budget.Sampler;
import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Version 1: W; the clocks' schedule (0 for none, 1 ULS, 2 ELS, then the probability); the user's
 * clock; the number of windows and each; whether there is a provisional reservoir and that.
 *
 * <p>A reservoir is its window, seen, size, and for each example its slot, its arrival relative to
 * the window's first tick, and 0 for no clock or 1 + the ticks from arrival to its clock.
 */
public final class UserPoolSerializer extends ValueSerializer<UserPool> {

  private static final long serialVersionUID = 1L;
  private static final int NO_SCHEDULE = 0;
  private static final int ULS = 1;
  private static final int ELS = 2;

  @Override
  protected int version() {
    return 1;
  }

  @Override
  protected void write(UserPool pool, DataOutputView out) throws IOException {
    Wire.writeVarLong(pool.windowTicks, out);
    writeSchedule(pool.schedule, out);
    Wire.writeVarLong(pool.userClock == UserPool.NO_CLOCK ? 0 : pool.userClock + 1, out);
    Wire.writeVarInt(pool.windows.size(), out);
    for (Reservoir reservoir : pool.windows) {
      writeReservoir(reservoir, pool.windowTicks, out);
    }
    out.writeBoolean(pool.provisional != null);
    if (pool.provisional != null) {
      writeReservoir(pool.provisional, pool.windowTicks, out);
    }
  }

  @Override
  protected UserPool read(int version, DataInputView in) throws IOException {
    UserPool pool = new UserPool(Wire.readVarLong(in));
    pool.schedule = readSchedule(in);
    long userClock = Wire.readVarLong(in);
    pool.userClock = userClock == 0 ? UserPool.NO_CLOCK : userClock - 1;
    int windows = Wire.readVarInt(in);
    for (int i = 0; i < windows; i++) {
      pool.windows.add(readReservoir(pool.windowTicks, in));
    }
    pool.provisional = in.readBoolean() ? readReservoir(pool.windowTicks, in) : null;
    return pool;
  }

  private static void writeSchedule(SamplingSchedule schedule, DataOutputView out)
      throws IOException {
    if (schedule == null) {
      out.writeByte(NO_SCHEDULE);
      return;
    }
    out.writeByte(schedule.sampler() == Sampler.ULS ? ULS : ELS);
    out.writeDouble(schedule.probability());
  }

  private static SamplingSchedule readSchedule(DataInputView in) throws IOException {
    int kind = in.readUnsignedByte();
    return switch (kind) {
      case NO_SCHEDULE -> null;
      case ULS -> new SamplingSchedule(Sampler.ULS, in.readDouble());
      case ELS -> new SamplingSchedule(Sampler.ELS, in.readDouble());
      default ->
          throw new IOException("A pool's sampler is written as " + kind + ": it is corrupt");
    };
  }

  private static void writeReservoir(Reservoir reservoir, long windowTicks, DataOutputView out)
      throws IOException {
    Wire.writeVarLong(reservoir.window(), out);
    Wire.writeVarLong(reservoir.seen(), out);
    Wire.writeVarInt(reservoir.size(), out);
    long start = reservoir.window() * windowTicks;
    for (int i = 0; i < reservoir.size(); i++) {
      long arrival = reservoir.arrival(i);
      long clock = reservoir.clock(i);
      Wire.writeVarInt(reservoir.slot(i), out);
      Wire.writeSignedVarLong(arrival - start, out);
      Wire.writeVarLong(clock == UserPool.NO_CLOCK ? 0 : clock - arrival + 1, out);
    }
  }

  private static Reservoir readReservoir(long windowTicks, DataInputView in) throws IOException {
    long window = Wire.readVarLong(in);
    long seen = Wire.readVarLong(in);
    Reservoir reservoir = new Reservoir(window, seen, Wire.readVarInt(in));
    long start = window * windowTicks;
    for (int i = 0; i < reservoir.size(); i++) {
      int slot = Wire.readVarInt(in);
      long arrival = start + Wire.readSignedVarLong(in);
      long wait = Wire.readVarLong(in);
      reservoir.set(i, slot, arrival, wait == 0 ? UserPool.NO_CLOCK : arrival + wait - 1);
    }
    return reservoir;
  }
}
