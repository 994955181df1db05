package io.murmuration.contribution;

import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.serialization.ValueSerializer;
import io.murmuration.serialization.Wire;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Version 3: W; the due ticks' schedule (0 for none, 1 ULS, 2 ELS, then the probability); 1 + the
 * earliest due tick or 0 for none; whether the user has one; the number of windows and each; a byte
 * that is 1 with a provisional reservoir plus 2 with a stretch; that reservoir; of the stretch its
 * generation, the rounds used before, its first round, and 1 + the offset of the record that began
 * it with its partition, or 0 if it is confirmed.
 *
 * <p>A reservoir is its window, seen and size; its slots, as 1 + 2 · the first one where the others
 * follow it one by one, else 0 and each; how many arrivals are not settled and for each of those
 * its position and its tick relative to the window's first; whether examples have due ticks and for
 * each then 0 for none or 1 + its distance from the earliest. So a user's bookkeeping has some
 * twenty bytes where nothing is out of the ordinary, whatever the size of the pool: it is read and
 * written at every event.
 *
 * <p>Version 2 knows no stretch. Version 1 has the user's due tick in place of the earliest and of
 * the flag, and writes of every example its slot, its arrival, and 0 for no due tick or 1 + the
 * ticks between them.
 */
public final class UserPoolSerializer extends ValueSerializer<UserPool> {

  private static final long serialVersionUID = 1L;

  /** No more room is made for windows than this until they are read. */
  private static final int USUAL_WINDOWS = 16;

  private static final int NO_SCHEDULE = 0;
  private static final int ULS = 1;
  private static final int ELS = 2;

  private static final int PROVISIONAL = 1;
  private static final int STRETCH = 2;

  @Override
  protected int version() {
    return 3;
  }

  @Override
  protected void write(UserPool pool, DataOutputView out) throws IOException {
    Wire.writeVarLong(pool.windowTicks, out);
    writeSchedule(pool.schedule, out);
    long earliest = pool.nextDueTick();
    Wire.writeVarLong(earliest == UserPool.NOT_DUE ? 0 : earliest + 1, out);
    out.writeBoolean(pool.userDueTick != UserPool.NOT_DUE);
    Wire.writeVarInt(pool.windows.size(), out);
    for (Reservoir reservoir : pool.windows) {
      writeReservoir(reservoir, pool.windowTicks, earliest, out);
    }
    out.writeByte(
        (pool.provisional == null ? 0 : PROVISIONAL) + (pool.stretch == null ? 0 : STRETCH));
    if (pool.provisional != null) {
      writeReservoir(pool.provisional, pool.windowTicks, earliest, out);
    }
    if (pool.stretch != null) {
      writeStretch(pool.stretch, out);
    }
  }

  @Override
  protected UserPool read(int version, DataInputView in) throws IOException {
    long windowTicks = Wire.readVarLong(in);
    SamplingSchedule schedule = readSchedule(in);
    long earliest = Wire.readVarLong(in) - 1;
    boolean userDueTick = version == 1 ? earliest >= 0 : in.readBoolean();
    int windows = Wire.readVarInt(in);
    UserPool pool = new UserPool(windowTicks, Math.min(windows, USUAL_WINDOWS));
    pool.schedule = schedule;
    pool.userDueTick = userDueTick ? earliest : UserPool.NOT_DUE;
    for (int i = 0; i < windows; i++) {
      pool.windows.add(readReservoir(version, pool.windowTicks, earliest, in));
    }
    int rest = in.readUnsignedByte();
    pool.provisional =
        (rest & PROVISIONAL) == 0 ? null : readReservoir(version, pool.windowTicks, earliest, in);
    pool.stretch = (rest & STRETCH) == 0 ? null : readStretch(in);
    return pool;
  }

  private static void writeStretch(Stretch stretch, DataOutputView out) throws IOException {
    Wire.writeVarInt(stretch.generation(), out);
    Wire.writeVarLong(stretch.used(), out);
    Wire.writeVarLong(stretch.start(), out);
    Wire.writeVarLong(stretch.offset() + 1, out);
    if (stretch.offset() != Stretch.CONFIRMED) {
      Wire.writeVarInt(stretch.partition(), out);
    }
  }

  private static Stretch readStretch(DataInputView in) throws IOException {
    int generation = Wire.readVarInt(in);
    long used = Wire.readVarLong(in);
    long start = Wire.readVarLong(in);
    long offset = Wire.readVarLong(in) - 1;
    int partition = offset == Stretch.CONFIRMED ? 0 : Wire.readVarInt(in);
    return new Stretch(generation, used, start, partition, offset);
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

  private static void writeReservoir(
      Reservoir reservoir, long windowTicks, long earliest, DataOutputView out) throws IOException {
    Wire.writeVarLong(reservoir.window(), out);
    Wire.writeVarLong(reservoir.seen(), out);
    Wire.writeVarInt(reservoir.size(), out);
    writeSlots(reservoir, out);
    writeArrivals(reservoir, reservoir.window() * windowTicks, out);
    writeDueTicks(reservoir, earliest, out);
  }

  private static Reservoir readReservoir(
      int version, long windowTicks, long earliest, DataInputView in) throws IOException {
    long window = Wire.readVarLong(in);
    long seen = Wire.readVarLong(in);
    Reservoir reservoir = new Reservoir(window, seen, Wire.readVarInt(in));
    if (version == 1) {
      readVersion1(reservoir, window * windowTicks, in);
    } else {
      readSlots(reservoir, in);
      readArrivals(reservoir, window * windowTicks, in);
      readDueTicks(reservoir, earliest, in);
    }
    return reservoir;
  }

  private static void readVersion1(Reservoir reservoir, long start, DataInputView in)
      throws IOException {
    for (int i = 0; i < reservoir.size(); i++) {
      int slot = Wire.readVarInt(in);
      long arrival = start + Wire.readSignedVarLong(in);
      long wait = Wire.readVarLong(in);
      reservoir.set(i, slot, arrival, wait == 0 ? UserPool.NOT_DUE : arrival + wait - 1);
    }
  }

  private static void writeSlots(Reservoir reservoir, DataOutputView out) throws IOException {
    if (inSequence(reservoir)) {
      Wire.writeVarLong(reservoir.size() == 0 ? 1 : 2L * reservoir.slot(0) + 1, out);
      return;
    }
    Wire.writeVarLong(0, out);
    for (int i = 0; i < reservoir.size(); i++) {
      Wire.writeVarInt(reservoir.slot(i), out);
    }
  }

  private static boolean inSequence(Reservoir reservoir) {
    for (int i = 1; i < reservoir.size(); i++) {
      if (reservoir.slot(i) != reservoir.slot(0) + i) {
        return false;
      }
    }
    return true;
  }

  private static void readSlots(Reservoir reservoir, DataInputView in) throws IOException {
    long first = Wire.readVarLong(in);
    for (int i = 0; i < reservoir.size(); i++) {
      int slot = first == 0 ? Wire.readVarInt(in) : Math.toIntExact(first / 2) + i;
      reservoir.set(i, slot, Reservoir.SETTLED, UserPool.NOT_DUE);
    }
  }

  private static void writeArrivals(Reservoir reservoir, long start, DataOutputView out)
      throws IOException {
    int unsettled = 0;
    for (int i = 0; i < reservoir.size(); i++) {
      unsettled += reservoir.arrival(i) == Reservoir.SETTLED ? 0 : 1;
    }
    Wire.writeVarInt(unsettled, out);
    for (int i = 0; i < reservoir.size() && unsettled > 0; i++) {
      if (reservoir.arrival(i) != Reservoir.SETTLED) {
        Wire.writeVarInt(i, out);
        Wire.writeSignedVarLong(reservoir.arrival(i) - start, out);
      }
    }
  }

  private static void readArrivals(Reservoir reservoir, long start, DataInputView in)
      throws IOException {
    for (int unsettled = Wire.readVarInt(in); unsettled > 0; unsettled--) {
      int position = Wire.readVarInt(in);
      if (position >= reservoir.size()) {
        throw new IOException(
            "A pool of %d examples names the one at %d: it is corrupt"
                .formatted(reservoir.size(), position));
      }
      reservoir.setArrival(position, start + Wire.readSignedVarLong(in));
    }
  }

  private static void writeDueTicks(Reservoir reservoir, long earliest, DataOutputView out)
      throws IOException {
    boolean any = false;
    for (int i = 0; reservoir.hasDueTicks() && i < reservoir.size(); i++) {
      any |= reservoir.dueTick(i) != UserPool.NOT_DUE;
    }
    out.writeBoolean(any);
    for (int i = 0; any && i < reservoir.size(); i++) {
      long dueTick = reservoir.dueTick(i);
      Wire.writeVarLong(dueTick == UserPool.NOT_DUE ? 0 : dueTick - earliest + 1, out);
    }
  }

  private static void readDueTicks(Reservoir reservoir, long earliest, DataInputView in)
      throws IOException {
    if (!in.readBoolean()) {
      return;
    }
    for (int i = 0; i < reservoir.size(); i++) {
      long distance = Wire.readVarLong(in);
      reservoir.setDueTick(i, distance == 0 ? UserPool.NOT_DUE : earliest + distance - 1);
    }
  }
}
