package io.murmuration.privacy.ledger;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A ledger in a file of its own, one JSON line a record; for runs inside one process.
 *
 * <p>The holder locks a file beside it, with {@code .lock} appended to the name, and whoever comes
 * later waits: a file cannot fence a holder that lives. An append returns after fsync. A crash can
 * leave an unfinished last line: no acknowledgement ever left for it, so it is cut off. Anything
 * else that is not a whole record is damage.
 */
public final class FileLedger implements Ledger {

  private static final Logger LOG = LoggerFactory.getLogger(FileLedger.class);

  /**
   * Files held in this process. Closing any channel of a file drops the process's POSIX locks on
   * it, so a second holder in this process has to be turned away before it opens the lock file.
   */
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  private final Path file;
  private FileChannel lockChannel;
  private FileChannel channel;
  private RecordTimes times;

  /**
   * @param file the ledger; created with its directory when first opened
   */
  public FileLedger(Path file) {
    this.file = file.toAbsolutePath().normalize();
  }

  /** Ledgers on this file. */
  public static LedgerFactory factory(Path file) {
    String name = file.toAbsolutePath().toString();
    return () -> new FileLedger(Path.of(name));
  }

  @Override
  public String location() {
    return "ledger file " + file;
  }

  @Override
  public List<LedgerEntry> read() throws LedgerException, InterruptedException {
    try {
      return parse(Files.readAllBytes(file)).entries();
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw failed("read", e);
    }
  }

  @Override
  public boolean isThere() {
    return Files.exists(file);
  }

  @Override
  public List<LedgerEntry> open() throws LedgerException, InterruptedException {
    if (lockChannel != null) {
      throw new IllegalStateException("the ledger is already open");
    }
    try {
      Path directory = file.getParent();
      Files.createDirectories(directory);
      lock();
      channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      Content content = parse(readAll());
      if (content.wholeBytes() < channel.size()) {
        channel.truncate(content.wholeBytes());
      }
      channel.position(channel.size());
      if (content.lineEndMissing()) {
        write("\n");
      }
      // What was read may still be in the page cache only; it must not vanish once it was counted.
      channel.force(/* metaData= */ true);
      forceDirectory(directory);
      times = new RecordTimes();
      content.entries().forEach(entry -> times.millisOf(entry.record()));
      return content.entries();
    } catch (IOException e) {
      close();
      throw failed("open", e);
    } catch (LedgerException e) {
      close();
      throw e;
    }
  }

  private void lock() throws IOException, LedgerException {
    if (!HELD.add(file)) {
      throw held(null);
    }
    FileChannel lockFile = null;
    boolean locked = false;
    try {
      lockFile =
          FileChannel.open(
              file.resolveSibling(file.getFileName() + ".lock"),
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE);
      locked = lockFile.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      throw held(e);
    } finally {
      if (locked) {
        lockChannel = lockFile;
      } else {
        HELD.remove(file);
        closeQuietly(lockFile);
      }
    }
    if (!locked) {
      throw held(null);
    }
  }

  private LedgerException held(Throwable cause) {
    return new LedgerException.Unavailable(
        "The " + location() + " is locked by another job; it is free once that job has ended",
        cause);
  }

  private byte[] readAll() throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(channel.size()));
    while (bytes.hasRemaining() && channel.read(bytes, bytes.position()) >= 0) {
      // Reads until the file's end.
    }
    return Arrays.copyOf(bytes.array(), bytes.position());
  }

  @Override
  public void append(LedgerEntry entry) throws LedgerException, InterruptedException {
    if (channel == null) {
      throw new IllegalStateException("the ledger is not open");
    }
    try {
      write(entry.line() + "\n");
      // when it was written would tell how long rounds took
      Files.setLastModifiedTime(file, FileTime.fromMillis(times.millisOf(entry.record())));
      channel.force(/* metaData= */ true);
    } catch (IOException e) {
      // The channel's end is unknown now; only reading it again tells what became of the entry.
      close();
      throw failed("append to", e);
    }
  }

  private void write(String text) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private static void forceDirectory(Path directory) throws IOException {
    // Only POSIX systems can open a directory, and only they need it for a new file to survive.
    if (FileSystems.getDefault().supportedFileAttributeViews().contains("posix")) {
      try (FileChannel entries = FileChannel.open(directory, StandardOpenOption.READ)) {
        entries.force(/* metaData= */ true);
      }
    }
  }

  private LedgerException failed(String doing, IOException e) throws InterruptedException {
    if (e instanceof ClosedByInterruptException || e instanceof InterruptedIOException) {
      InterruptedException interrupted =
          new InterruptedException("Interrupted while trying to " + doing + " the " + location());
      interrupted.initCause(e);
      throw interrupted;
    }
    return new LedgerException.Unavailable("Could not " + doing + " the " + location(), e);
  }

  /**
   * What a ledger file holds.
   *
   * @param wholeBytes bytes up to the end of the last whole record
   * @param lineEndMissing whether the last record is whole but for its line end
   */
  private record Content(List<LedgerEntry> entries, int wholeBytes, boolean lineEndMissing) {}

  private Content parse(byte[] bytes) throws LedgerException.Refused {
    List<LedgerEntry> entries = new ArrayList<>();
    String previousHash = LedgerEntry.NO_HASH;
    int start = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '\n') {
        LedgerEntry entry = decode(text(bytes, start, i), entries.size());
        entries.add(entry);
        previousHash = entry.hash();
        start = i + 1;
      }
    }
    if (start == bytes.length) {
      return new Content(entries, start, /* lineEndMissing= */ false);
    }
    String tail = text(bytes, start, bytes.length);
    if (isUnfinished(tail, LedgerCodec.beginning(entries.size(), previousHash))) {
      return new Content(entries, start, /* lineEndMissing= */ false);
    }
    entries.add(decode(tail, entries.size()));
    return new Content(entries, bytes.length, /* lineEndMissing= */ true);
  }

  /**
   * Whether these last bytes are what a crash leaves of the next record: its beginning, perhaps
   * with blocks of zeros that the file system had not written yet, and not its end. A whole record
   * that merely lost its line end, or was changed, is none: it may have been acknowledged.
   */
  private static boolean isUnfinished(String tail, String beginning) {
    int written = tail.indexOf('\0') < 0 ? tail.length() : tail.indexOf('\0');
    boolean zerosToTheEnd = tail.substring(written).chars().allMatch(c -> c == 0);
    String text = tail.substring(0, written);
    boolean begins =
        text.startsWith(beginning.substring(0, Math.min(text.length(), beginning.length())));
    return zerosToTheEnd && begins && !LedgerCodec.mayBeWhole(text);
  }

  private LedgerEntry decode(String line, int number) throws LedgerException.Refused {
    try {
      return LedgerCodec.decode(line);
    } catch (IllegalArgumentException e) {
      throw new LedgerException.Refused(
          "The %s is damaged at record %d: %s. Nothing may be charged to it; restore it from a copy that is whole"
              .formatted(location(), number, e.getMessage()),
          e);
    }
  }

  private static String text(byte[] bytes, int from, int to) {
    return new String(bytes, from, to - from, StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    closeQuietly(channel);
    channel = null;
    if (lockChannel != null) {
      closeQuietly(lockChannel);
      lockChannel = null;
      HELD.remove(file);
    }
  }

  /** Every append was forced already, so a failure to close loses nothing. */
  private void closeQuietly(FileChannel closing) {
    if (closing != null) {
      try {
        closing.close();
      } catch (IOException e) {
        LOG.warn("Could not close the {}", location(), e);
      }
    }
  }
}
