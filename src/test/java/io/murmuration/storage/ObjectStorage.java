package io.murmuration.storage;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.flink.core.fs.BlockLocation;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;

/**
 * A bucket in memory with the habits of Flink's file systems for S3: a stream uploads what it has
 * when it is closed, also after a failed write; to overwrite is to delete first; an empty object
 * reads as missing; no directories, no renames; errors of the client are unchecked. And with
 * troubles.
 */
public final class ObjectStorage extends FileSystem {

  /** What the client of a storage throws. */
  public static final class ClientException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public ClientException(String message) {
      super(message);
    }
  }

  /** What is done with an object. */
  public enum Operation {
    OPEN,
    CREATE,
    DELETE,
    LIST
  }

  /** Something that may go wrong before an operation has had its effect. */
  @FunctionalInterface
  public interface Trouble {
    void before(Operation operation, String key) throws IOException;
  }

  private static final Trouble NONE = (operation, key) -> {};

  private static final URI ROOT = URI.create("mem://bucket/");

  private final Map<String, byte[]> objects = new TreeMap<>();
  private final Map<String, Instant> times = new TreeMap<>();
  private final List<String> written = new ArrayList<>();
  private Trouble trouble = NONE;
  private Map<String, byte[]> listed;
  private String cutOff;
  private int cutOffAfter;

  /** Files below a place in it. */
  public StoredFiles at(String place) {
    return new ObjectFiles(Location.of(ROOT + place), () -> this);
  }

  /** What is in it, by key. */
  public Map<String, byte[]> objects() {
    return objects;
  }

  /** Keys in the order in which they were written. */
  public List<String> written() {
    return written;
  }

  /** Lets that go wrong from now on. */
  public void trouble(Trouble next) {
    trouble = next;
  }

  /** Lets nothing go wrong from now on. */
  public void recover() {
    trouble = NONE;
    listed = null;
    cutOff = null;
  }

  /** Listings show no later change. */
  public void freezeListing() {
    listed = new TreeMap<>(objects);
  }

  /** The next write of an object whose key ends so fails after that many bytes. */
  public void cutOff(String keyEnd, int bytes) {
    cutOff = keyEnd;
    cutOffAfter = bytes;
  }

  /** Sets an object's time back. */
  public void age(String key, Instant time) {
    times.put(key, time);
  }

  private static String key(Path path) {
    return path.toUri().getPath().replaceFirst("^/", "");
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    return status(path, key(path));
  }

  private FileStatus status(Path path, String key) throws FileNotFoundException {
    byte[] content = objects.get(key);
    if (content == null || content.length == 0) {
      if (objects.keySet().stream().anyMatch(other -> other.startsWith(key + "/"))) {
        return new Status(path, true, 0, Instant.EPOCH);
      }
      throw new FileNotFoundException(path.toString());
    }
    return new Status(path, false, content.length, times.get(key));
  }

  @Override
  public FSDataInputStream open(Path path, int bufferSize) throws IOException {
    return open(path);
  }

  @Override
  public FSDataInputStream open(Path path) throws IOException {
    String key = key(path);
    trouble.before(Operation.OPEN, key);
    if (status(path, key).isDir()) {
      throw new IOException(path + " is a prefix");
    }
    return new Input(objects.get(key));
  }

  @Override
  public FileStatus[] listStatus(Path path) throws IOException {
    String key = key(path);
    trouble.before(Operation.LIST, key);
    String prefix = key.isEmpty() ? "" : key + "/";
    List<FileStatus> found = new ArrayList<>();
    Set<String> prefixes = new LinkedHashSet<>();
    (listed == null ? objects : listed)
        .forEach(
            (other, content) -> {
              if (other.startsWith(prefix)) {
                String name = other.substring(prefix.length());
                if (name.contains("/")) {
                  prefixes.add(name.substring(0, name.indexOf('/') + 1));
                } else {
                  Instant time = times.getOrDefault(other, Instant.EPOCH);
                  found.add(new Status(new Path(ROOT + other), false, content.length, time));
                }
              }
            });
    prefixes.forEach(
        name -> found.add(new Status(new Path(ROOT + prefix + name), true, 0, Instant.EPOCH)));
    return found.toArray(FileStatus[]::new);
  }

  @Override
  public boolean delete(Path path, boolean recursive) throws IOException {
    String key = key(path);
    trouble.before(Operation.DELETE, key);
    return objects.remove(key) != null;
  }

  @Override
  public FSDataOutputStream create(Path path, WriteMode mode) throws IOException {
    String key = key(path);
    trouble.before(Operation.CREATE, key);
    if (mode == WriteMode.OVERWRITE) {
      objects.remove(key);
    } else if (objects.containsKey(key)) {
      throw new IOException("File already exists: " + path);
    }
    return new Output(key);
  }

  private final class Output extends FSDataOutputStream {
    private final ByteArrayOutputStream content = new ByteArrayOutputStream();
    private final String key;
    private final int limit;
    private boolean closed;

    Output(String key) {
      this.key = key;
      this.limit = cutOff != null && key.endsWith(cutOff) ? cutOffAfter : Integer.MAX_VALUE;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      int fitting = Math.min(length, limit - content.size());
      content.write(bytes, from, fitting);
      if (fitting < length) {
        throw new IOException("No space left on device");
      }
    }

    @Override
    public long getPos() {
      return content.size();
    }

    @Override
    public void flush() {}

    @Override
    public void sync() {}

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        objects.put(key, content.toByteArray());
        times.put(key, Instant.now());
        written.add(key);
      }
    }
  }

  private static final class Input extends FSDataInputStream {
    private final byte[] content;
    private ByteArrayInputStream in;
    private int from;

    Input(byte[] content) {
      this.content = content;
      this.in = new ByteArrayInputStream(content);
    }

    @Override
    public void seek(long to) {
      from = (int) to;
      in = new ByteArrayInputStream(Arrays.copyOfRange(content, from, content.length));
    }

    @Override
    public long getPos() {
      return content.length - in.available();
    }

    @Override
    public int read() {
      return in.read();
    }

    @Override
    public int read(byte[] bytes, int offset, int length) {
      return in.read(bytes, offset, length);
    }
  }

  private record Status(Path path, boolean dir, long bytes, Instant time) implements FileStatus {
    @Override
    public long getLen() {
      return bytes;
    }

    @Override
    public long getBlockSize() {
      return bytes;
    }

    @Override
    public short getReplication() {
      return 1;
    }

    @Override
    public long getModificationTime() {
      return time.toEpochMilli();
    }

    @Override
    public long getAccessTime() {
      return 0;
    }

    @Override
    public boolean isDir() {
      return dir;
    }

    @Override
    public Path getPath() {
      return path;
    }
  }

  @Override
  public boolean mkdirs(Path path) {
    return true;
  }

  @Override
  public boolean rename(Path from, Path to) {
    throw new UnsupportedOperationException("a bucket has no renames");
  }

  @Override
  public Path getWorkingDirectory() {
    return new Path(ROOT);
  }

  @Override
  public Path getHomeDirectory() {
    return new Path(ROOT);
  }

  @Override
  public URI getUri() {
    return ROOT;
  }

  @Override
  public BlockLocation[] getFileBlockLocations(FileStatus file, long start, long length) {
    return new BlockLocation[0];
  }

  @Override
  public boolean isDistributedFS() {
    return true;
  }
}
