package io.murmuration.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.event.JsonLines.Fault;
import io.murmuration.event.JsonLines.Line;
import io.murmuration.event.JsonLines.Value;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;

class JsonLinesTest {

  @Test
  void whatIsNotExactlyOneObjectIsAFaultAndReadingGoesOn() throws IOException {
    List<Line> lines =
        read(
            """
            {"a": 1}{"a": 2}
            {"a": 1} and then some
            {"a": 1, "a": 2}
            [{"a": 1}]
            "a"
            nonsense
            {"a": 1
            {"a": 3}\r
            {"a": 4}\
            """
                .getBytes(StandardCharsets.UTF_8));
    assertThat(lines.subList(0, 7)).allMatch(Fault.class::isInstance);
    assertThat(lines.subList(7, 9))
        .extracting(line -> ((Value) line).object().node().get("a").asInt())
        .containsExactly(3, 4);
    assertThat(lines).extracting(Line::number).containsExactly(1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L);
    assertThat(((Fault) lines.get(3)).reason())
        .isEqualTo("a JSON object is required, found a list");
    assertThat(((Fault) lines.get(0)).in("x.jsonl")).startsWith("line 1 of x.jsonl: not one JSON");
  }

  @Test
  void otherEncodingsAreFaultsAndNeverReplacementCharacters() throws IOException {
    for (String encoding : List.of("ISO-8859-1", "UTF-16", "UTF-16LE", "windows-1252", "CESU-8")) {
      List<Line> lines =
          read("{\"a\": \"jos\u00e9 \ud83d\ude00\"}".getBytes(Charset.forName(encoding)));
      assertThat(lines).as(encoding).hasSize(1).allMatch(Fault.class::isInstance);
    }
    byte[] marked = "\ufeff{\"a\": 1}\n".getBytes(StandardCharsets.UTF_16LE);
    assertThat(((Fault) read(marked).get(0)).reason()).contains("UTF-16");
    assertThat(read("\ufeff{\"a\": 1}\n\ufeff{\"a\": 2}".getBytes(StandardCharsets.UTF_8)))
        .satisfiesExactly(
            first -> assertThat(first).isInstanceOf(Value.class),
            second -> assertThat(second).isInstanceOf(Fault.class));
  }

  @Test
  void aLineOfAnyLengthTakesNoMoreMemoryThanTheLimit() throws IOException {
    InputStream endless =
        new InputStream() {
          private long given;

          @Override
          public int read() {
            return given++ < 3L * JsonLines.MAX_LINE_BYTES ? 'x' : -1;
          }
        };
    InputStream then = new ByteArrayInputStream("\n{\"a\": 1}".getBytes(StandardCharsets.UTF_8));
    try (JsonLines lines = new JsonLines(new SequenceInputStream(endless, then), "long")) {
      assertThat(((Fault) lines.next().orElseThrow()).reason()).contains("longer than");
      assertThat(lines.next().orElseThrow()).isInstanceOf(Value.class);
    }
  }

  @Test
  void membersOfAPipeAreReadToTheEnd() throws IOException {
    byte[] two = concat(gzip("{\"a\": 1}\n"), gzip("{\"a\": 2}\n"));
    assertThat(read(two)).hasSize(2).allMatch(Value.class::isInstance);
    // a pipe has nothing available between two writes
    InputStream pipe =
        new ByteArrayInputStream(two) {
          @Override
          public synchronized int available() {
            return 0;
          }

          @Override
          public synchronized int read(byte[] target, int offset, int length) {
            return super.read(target, offset, Math.min(length, 7));
          }
        };
    assertThat(read(pipe)).hasSize(2).allMatch(Value.class::isInstance);
  }

  @Test
  void aFileThatIsCutOrDamagedSaysWhere() throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 20_000; i++) {
      text.append("{\"a\": ").append(i * 7919L % 104729).append("}\n");
    }
    byte[] whole = gzip(text.toString());
    byte[] cut = Arrays.copyOf(whole, whole.length / 2);
    List<Line> before = new ArrayList<>();
    assertThatThrownBy(() -> readInto(new ByteArrayInputStream(cut), before))
        .isInstanceOf(IOException.class)
        .hasMessageMatching("test cannot be read beyond line \\d+, it is cut or damaged: .*");
    assertThat(before).hasSizeGreaterThan(1000).allMatch(Value.class::isInstance);
    assertThatThrownBy(() -> read(concat(whole, new byte[] {1, 2, 3})))
        .hasMessageContaining("cut or damaged");
    assertThatThrownBy(() -> read(new byte[] {0x1f, (byte) 0x8b, 8}))
        .hasMessageContaining("beyond line 0");
  }

  @Test
  void anEmptyFileHasNoLines() throws IOException {
    assertThat(read(new byte[0])).isEmpty();
    assertThat(read("\n\r\n  \n".getBytes(StandardCharsets.UTF_8))).isEmpty();
  }

  private static byte[] gzip(String text) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream gz = new GZIPOutputStream(bytes)) {
      gz.write(text.getBytes(StandardCharsets.UTF_8));
    }
    return bytes.toByteArray();
  }

  private static byte[] concat(byte[] one, byte[] other) {
    byte[] both = Arrays.copyOf(one, one.length + other.length);
    System.arraycopy(other, 0, both, one.length, other.length);
    return both;
  }

  private static List<Line> read(byte[] bytes) throws IOException {
    return read(new ByteArrayInputStream(bytes));
  }

  private static List<Line> read(InputStream in) throws IOException {
    List<Line> lines = new ArrayList<>();
    readInto(in, lines);
    return lines;
  }

  private static void readInto(InputStream in, List<Line> target) throws IOException {
    try (JsonLines lines = new JsonLines(in, "test")) {
      for (Optional<Line> line = lines.next(); line.isPresent(); line = lines.next()) {
        target.add(line.get());
      }
    }
  }
}
