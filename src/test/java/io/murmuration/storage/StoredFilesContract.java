package io.murmuration.storage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.storage.StoredFiles.Entry;
import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What every kind of {@link StoredFiles} does. */
public abstract class StoredFilesContract {

  protected abstract StoredFiles files() throws IOException;

  @Test
  void whatIsWrittenIsRead() throws IOException {
    byte[] content = new byte[300_000];
    new Random(1).nextBytes(content);

    files().write("a/b/c.bin", content);

    assertThat(files().read("a/b/c.bin")).contains(content);
    assertThat(files().read("a/b/c.bin", in -> in.readNBytes(2).length)).contains(2);
  }

  @Test
  void whatIsMissingIsEmpty() throws IOException {
    files().write("a/b.txt", "b".getBytes(UTF_8));

    assertThat(files().read("a/c.txt")).isEmpty();
    assertThat(files().read("nowhere/c.txt")).isEmpty();
    assertThat(files().list("nowhere")).isEmpty();
    files().delete("a/c.txt");
  }

  @Test
  void writingReplaces() throws IOException {
    files().write("a.txt", "first and longer".getBytes(UTF_8));
    files().write("a.txt", "second".getBytes(UTF_8));

    assertThat(files().read("a.txt")).contains("second".getBytes(UTF_8));
  }

  @Test
  void filesAndDirectoriesAreListedByName() throws IOException {
    files().write("d/z.txt", "z".getBytes(UTF_8));
    files().write("d/a.txt", "aa".getBytes(UTF_8));
    files().write("d/m/x.txt", "x".getBytes(UTF_8));

    assertThat(files().list("d")).extracting(Entry::name).containsExactly("a.txt", "m", "z.txt");
    assertThat(files().list("d"))
        .extracting(Entry::isDirectory)
        .containsExactly(false, true, false);
    assertThat(files().list("d")).extracting(Entry::bytes).containsExactly(2L, 0L, 1L);
    assertThat(files().list("")).extracting(Entry::name).containsExactly("d");
  }

  @Test
  void whatIsDeletedIsGone() throws IOException {
    files().write("a.txt", "a".getBytes(UTF_8));
    files().write("b.txt", "b".getBytes(UTF_8));

    files().delete("a.txt");

    assertThat(files().read("a.txt")).isEmpty();
    assertThat(files().list("")).extracting(Entry::name).containsExactly("b.txt");
  }

  @Test
  void aDirectoryGoesWithItsLastFile_andNotBefore() throws IOException {
    files().write("d/a.txt", "a".getBytes(UTF_8));
    files().write("other.txt", "b".getBytes(UTF_8));

    files().deleteEmptyDirectory("d");
    assertThat(files().read("d/a.txt")).isPresent();

    files().delete("d/a.txt");
    files().deleteEmptyDirectory("d");
    files().deleteEmptyDirectory("d");
    assertThat(files().list("")).extracting(Entry::name).containsExactly("other.txt");
  }

  @Test
  void aWriterThatFailsIsReported() {
    assertThatThrownBy(
            () ->
                files()
                    .write(
                        "a.txt",
                        out -> {
                          out.write(1);
                          throw new IOException("no more");
                        }))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("no more");
  }
}
