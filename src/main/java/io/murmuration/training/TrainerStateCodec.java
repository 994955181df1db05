package io.murmuration.training;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import org.apache.commons.codec.digest.DigestUtils;

/**
 * Reads a {@link TrainerState} from the chunks of a few MB in which releases before {@link
 * TrainerStatePart} kept it in Flink's list state.
 *
 * <p>Every chunk starts with a header: magic, format version, its index, and 1 if it is the last.
 * The bodies in order are the state followed by its SHA-256, so that a lost, foreign or damaged
 * chunk is noticed. Numbers are big-endian; floats and doubles keep their bits.
 *
 * <p>Format 2 starts with the layout's digest, which format 1 lacks. Format 3 says behind the
 * number of moments whether an average of the iterates follows them. All are read.
 */
final class TrainerStateCodec {

  private static final int MAGIC = 0x4d55524d;
  private static final int VERSION = 3;
  private static final int VERSION_WITHOUT_LAYOUT = 1;
  private static final int VERSION_WITHOUT_AVERAGE = 2;
  private static final int HEADER_BYTES = 4 * Integer.BYTES;

  /** Numbers converted at a time. */
  private static final int BLOCK = 8192;

  /**
   * The state that the chunks hold, bit for bit.
   *
   * @throws IllegalArgumentException if chunks are missing, foreign, damaged or of a later format
   */
  public TrainerState decode(Iterable<byte[]> chunks) {
    List<Chunk> found = inOrder(chunks);
    InputStream bodies =
        new SequenceInputStream(Collections.enumeration(found.stream().map(Chunk::body).toList()));
    MessageDigest digest = DigestUtils.getSha256Digest();
    try (DataInputStream in = new DataInputStream(new DigestInputStream(bodies, digest))) {
      String layoutDigest =
          found.get(0).version() == VERSION_WITHOUT_LAYOUT
              ? TrainerState.UNKNOWN_LAYOUT
              : in.readUTF();
      long round = in.readLong();
      long executedRounds = in.readLong();
      int size = in.readInt();
      int momentCount = in.readInt();
      boolean averaged = found.get(0).version() > VERSION_WITHOUT_AVERAGE && in.readBoolean();
      float[] parameters = readFloats(in, size);
      List<double[]> moments = new ArrayList<>();
      for (int m = 0; m < momentCount; m++) {
        moments.add(readDoubles(in, size));
      }
      double[] average = averaged ? readDoubles(in, size) : null;
      byte[] computed = digest.digest();
      if (!Arrays.equals(computed, bodies.readNBytes(computed.length)) || bodies.read() >= 0) {
        throw new IllegalArgumentException(
            "the trainer's state is damaged: its SHA-256 does not match; restore from another"
                + " checkpoint");
      }
      return new TrainerState(
          round,
          executedRounds,
          parameters,
          new OptimizerState(moments, average),
          layoutDigest,
          TrainingOrigin.UNKNOWN);
    } catch (EOFException e) {
      throw new IllegalArgumentException(
          "the trainer's state is damaged: it ends early; restore from another checkpoint", e);
    } catch (IOException e) {
      throw new UncheckedIOException("reading from memory does not fail", e);
    }
  }

  private static float[] readFloats(DataInputStream in, int size) throws IOException {
    float[] values = new float[size];
    ByteBuffer block = ByteBuffer.allocate(BLOCK * Float.BYTES);
    for (int from = 0; from < size; from += BLOCK) {
      int count = Math.min(BLOCK, size - from);
      in.readFully(block.array(), 0, count * Float.BYTES);
      block.asFloatBuffer().get(values, from, count);
    }
    return values;
  }

  private static double[] readDoubles(DataInputStream in, int size) throws IOException {
    double[] values = new double[size];
    ByteBuffer block = ByteBuffer.allocate(BLOCK * Double.BYTES);
    for (int from = 0; from < size; from += BLOCK) {
      int count = Math.min(BLOCK, size - from);
      in.readFully(block.array(), 0, count * Double.BYTES);
      block.asDoubleBuffer().get(values, from, count);
    }
    return values;
  }

  /** One chunk behind its header. */
  private record Chunk(int version, int index, boolean last, InputStream body) {}

  /** The chunks in the order of their index, headers checked. */
  private static List<Chunk> inOrder(Iterable<byte[]> chunks) {
    List<Chunk> found = new ArrayList<>();
    for (byte[] chunk : chunks) {
      ByteBuffer header = ByteBuffer.wrap(chunk);
      if (chunk.length < HEADER_BYTES || header.getInt() != MAGIC) {
        throw new IllegalArgumentException(
            "a chunk of the trainer's state has no header; it was not written by the trainer");
      }
      int version = header.getInt();
      if (version < VERSION_WITHOUT_LAYOUT || version > VERSION) {
        throw new IllegalArgumentException(
            "the trainer's state has format version %d but this release reads versions %d to %d"
                .formatted(version, VERSION_WITHOUT_LAYOUT, VERSION));
      }
      found.add(
          new Chunk(
              version,
              header.getInt(),
              header.getInt() == 1,
              new ByteArrayInputStream(chunk, HEADER_BYTES, chunk.length - HEADER_BYTES)));
    }
    found.sort(Comparator.comparingInt(Chunk::index));
    for (int i = 0; i < found.size(); i++) {
      if (found.get(i).index() != i || found.get(i).last() != (i == found.size() - 1)) {
        throw new IllegalArgumentException(
            "the trainer's state must hold every chunk once but holds the chunks "
                + found.stream().map(Chunk::index).toList());
      }
    }
    if (found.isEmpty()) {
      throw new IllegalArgumentException("the trainer's state holds no chunk");
    }
    if (found.stream().mapToInt(Chunk::version).distinct().count() > 1) {
      throw new IllegalArgumentException(
          "the trainer's state must be of one format but its chunks have the versions "
              + found.stream().map(Chunk::version).toList());
    }
    return found;
  }
}
