package io.murmuration.chaos;

import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.UserSample;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.streaming.api.datastream.DataStream;

/**
 * Which users were sampled in which rounds, seen where samples leave keyed state: the run's own
 * record, which asks neither the sampler nor its state. Each attempt of the job writes a file of
 * its own, a line for every sample at once, so that a kill takes nothing back.
 *
 * <p>Of a round that became visible the trace is complete: its samples leave the sampler before the
 * barrier of the checkpoint that makes it durable, and that checkpoint waits for the trace, too.
 */
final class SampleTrace {

  private static final String SUFFIX = ".samples";

  private SampleTrace() {}

  /** Adds the trace to a job. */
  static void addTo(DataStream<CohortRecord> samples, Path directory) {
    samples
        .sinkTo(new FileSink(directory.toString()))
        .name("trace of samples")
        .uid("trace-of-samples")
        .setParallelism(1);
  }

  /**
   * The users of each round, as epoch/round.
   *
   * @throws IOException if a line is none of a trace
   */
  static Map<String, Set<String>> read(Path directory) throws IOException {
    Map<String, Set<String>> users = new TreeMap<>();
    List<Path> files;
    try (Stream<Path> entries = Files.list(directory)) {
      files = entries.filter(file -> file.toString().endsWith(SUFFIX)).toList();
    }
    for (Path file : files) {
      String text = Files.readString(file);
      // a kill may cut the last line, whose round then never became durable
      for (String line : text.substring(0, text.lastIndexOf('\n') + 1).lines().toList()) {
        String[] words = line.split(" ");
        if (words.length != 2) {
          throw new IOException("%s: not a round and a user: %s".formatted(file, line));
        }
        users.computeIfAbsent(words[0], round -> new TreeSet<>()).add(words[1]);
      }
    }
    return users;
  }

  private record FileSink(String directory) implements Sink<CohortRecord> {
    private static final long serialVersionUID = 1L;

    @Override
    public SinkWriter<CohortRecord> createWriter(WriterInitContext context) throws IOException {
      return new Writer(
          FileChannel.open(
              Path.of(directory, UUID.randomUUID() + SUFFIX),
              StandardOpenOption.CREATE_NEW,
              StandardOpenOption.WRITE));
    }
  }

  private record Writer(FileChannel file) implements SinkWriter<CohortRecord> {

    @Override
    public void write(CohortRecord record, Context context) throws IOException {
      if (record instanceof UserSample sample) {
        String line = "%d/%d %s%n".formatted(sample.epoch(), sample.round(), sample.userId());
        ByteBuffer bytes = ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
          file.write(bytes);
        }
      }
    }

    @Override
    public void flush(boolean endOfInput) {
      // nothing is held back
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }
}
