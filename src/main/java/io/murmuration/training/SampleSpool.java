package io.murmuration.training;

import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.UserSample;
import io.murmuration.event.Example;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * The records of one round on their way from the task's thread to the worker's. Adding never waits
 * for the worker, which may still be busy with the round before or have no grant yet: a task that
 * waited would hold up barriers and, through the sampler's output, ingest. So what does not fit
 * into memory goes to a file, which holds raw text and is deleted when the round ends.
 *
 * <p>The order of records is not kept. Thread-safe.
 */
final class SampleSpool implements AutoCloseable {

  /** How a record is written to the file. */
  interface Format {

    /** Writes one record. */
    void write(CohortRecord record, OutputStream out) throws IOException;

    /** Reads the next record. */
    CohortRecord read(InputStream in) throws IOException;
  }

  /** Makes the file; called at most once a spool. */
  interface FileSource {
    Path create() throws IOException;
  }

  /** Bytes of a record and a string beside their characters. */
  private static final long OBJECT_BYTES = 64;

  private final long memoryBytes;
  private final Format format;
  private final FileSource files;
  private final Deque<CohortRecord> inMemory = new ArrayDeque<>();
  private long bytes;
  private Path file;
  private OutputStream out;
  private InputStream in;
  private long inFile;
  private long spilled;
  private boolean complete;
  private boolean closed;

  /**
   * @param memoryBytes about how much text stays in memory
   */
  SampleSpool(long memoryBytes, Format format, FileSource files) {
    this.memoryBytes = memoryBytes;
    this.format = format;
    this.files = files;
  }

  /**
   * Adds a record.
   *
   * @throws IOException if it does not fit into memory and the file cannot be written
   */
  synchronized void add(CohortRecord record) throws IOException {
    if (closed) {
      return;
    }
    long size = size(record);
    if (bytes + size <= memoryBytes) {
      bytes += size;
      inMemory.add(record);
    } else {
      spill(record);
    }
    notifyAll();
  }

  private static long size(CohortRecord record) {
    long size = OBJECT_BYTES;
    if (record instanceof UserSample sample) {
      size += Character.BYTES * (long) sample.userId().length();
      for (Example example : sample.examples()) {
        int prompt = example.prompt() == null ? 0 : example.prompt().length();
        size += 3 * OBJECT_BYTES + Character.BYTES * ((long) prompt + example.text().length());
      }
    }
    return size;
  }

  private void spill(CohortRecord record) throws IOException {
    if (file == null) {
      file = files.create();
      out =
          new BufferedOutputStream(
              Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE));
    }
    format.write(record, out);
    inFile++;
    spilled++;
  }

  /** No more records will be added. */
  synchronized void complete() {
    complete = true;
    notifyAll();
  }

  /**
   * Takes records: as many as asked for, or what is left once the round is complete; waits for
   * them.
   *
   * @return empty if all have been taken
   * @throws InterruptedException if interrupted while waiting
   */
  synchronized List<CohortRecord> take(int wanted) throws InterruptedException, IOException {
    while (!complete && inMemory.size() + inFile < wanted) {
      wait();
    }
    List<CohortRecord> taken = new ArrayList<>();
    while (taken.size() < wanted && !inMemory.isEmpty()) {
      CohortRecord record = inMemory.remove();
      bytes -= size(record);
      taken.add(record);
    }
    if (taken.size() < wanted && inFile > 0) {
      out.flush();
      if (in == null) {
        in = new BufferedInputStream(Files.newInputStream(file));
      }
      while (taken.size() < wanted && inFile > 0) {
        taken.add(format.read(in));
        inFile--;
      }
    }
    return taken;
  }

  /** How many records went to the file so far. */
  synchronized long spilled() {
    return spilled;
  }

  /** Forgets all records and deletes the file. */
  @Override
  public synchronized void close() throws IOException {
    closed = true;
    complete = true;
    inMemory.clear();
    inFile = 0;
    try (OutputStream writing = out;
        InputStream reading = in) {
      if (file != null) {
        Files.deleteIfExists(file);
      }
    } finally {
      notifyAll();
    }
  }
}
