package io.murmuration.training;

import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.commons.codec.digest.DigestUtils;

/** Writes the trainer's state as releases before {@link TrainerStatePart} wrote it, in format 3. */
final class OldTrainerState {

  private static final int MAGIC = 0x4d55524d;
  private static final int VERSION = 3;
  private static final int HEADER_BYTES = 4 * Integer.BYTES;
  private static final int BLOCK = 8192;

  private final int bodyBytes;

  OldTrainerState(int bodyBytes) {
    this.bodyBytes = bodyBytes;
  }

  /** The state as chunks; their order need not be kept. */
  List<byte[]> encode(TrainerState state) {
    ChunkStream chunks = new ChunkStream(bodyBytes);
    MessageDigest digest = DigestUtils.getSha256Digest();
    try (DataOutputStream out = new DataOutputStream(new DigestOutputStream(chunks, digest))) {
      out.writeUTF(state.layoutDigest());
      out.writeLong(state.round());
      out.writeLong(state.executedRounds());
      out.writeInt(state.parameters().length);
      out.writeInt(state.optimizer().moments().size());
      double[] average = state.optimizer().average();
      out.writeBoolean(average != null);
      writeFloats(out, state.parameters());
      for (double[] moment : state.optimizer().moments()) {
        writeDoubles(out, moment);
      }
      if (average != null) {
        writeDoubles(out, average);
      }
      chunks.write(digest.digest());
    } catch (IOException e) {
      throw new UncheckedIOException("writing into memory does not fail", e);
    }
    return chunks.finish();
  }

  private static void writeFloats(DataOutputStream out, float[] values) throws IOException {
    ByteBuffer block = ByteBuffer.allocate(BLOCK * Float.BYTES);
    for (int from = 0; from < values.length; from += BLOCK) {
      int count = Math.min(BLOCK, values.length - from);
      block.asFloatBuffer().put(values, from, count);
      out.write(block.array(), 0, count * Float.BYTES);
    }
  }

  private static void writeDoubles(DataOutputStream out, double[] values) throws IOException {
    ByteBuffer block = ByteBuffer.allocate(BLOCK * Double.BYTES);
    for (int from = 0; from < values.length; from += BLOCK) {
      int count = Math.min(BLOCK, values.length - from);
      block.asDoubleBuffer().put(values, from, count);
      out.write(block.array(), 0, count * Double.BYTES);
    }
  }

  /** Cuts what is written into chunks behind headers. */
  private static final class ChunkStream extends OutputStream {

    private final int bodyBytes;
    private final List<byte[]> chunks = new ArrayList<>();
    private ByteBuffer chunk;

    ChunkStream(int bodyBytes) {
      this.bodyBytes = bodyBytes;
      open();
    }

    private void open() {
      chunk = ByteBuffer.allocate(HEADER_BYTES + bodyBytes);
      chunk.putInt(MAGIC).putInt(VERSION).putInt(chunks.size()).putInt(0);
    }

    @Override
    public void write(int b) {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
      int from = offset;
      int end = offset + length;
      while (from < end) {
        if (!chunk.hasRemaining()) {
          chunks.add(chunk.array());
          open();
        }
        int count = Math.min(chunk.remaining(), end - from);
        chunk.put(bytes, from, count);
        from += count;
      }
    }

    List<byte[]> finish() {
      chunk.putInt(HEADER_BYTES - Integer.BYTES, 1);
      chunks.add(Arrays.copyOf(chunk.array(), chunk.position()));
      return chunks;
    }
  }
}
