package io.murmuration.storage;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

/** Files of this machine's file system. */
final class LocalFiles implements StoredFiles {

  private final Location root;

  LocalFiles(Location root) {
    this.root = root;
  }

  @Override
  public Location root() {
    return root;
  }

  private Path path(String name) {
    return root.path().resolve(name);
  }

  @Override
  public <T> Optional<T> read(String name, Reading<T> reading) throws IOException {
    InputStream opened;
    try {
      opened = Files.newInputStream(path(name));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
    try (InputStream in = opened) {
      return Optional.of(reading.from(in));
    }
  }

  @Override
  public void write(String name, Content content) throws IOException {
    Path file = path(name);
    Files.createDirectories(file.toAbsolutePath().getParent());
    Path partial = file.resolveSibling("partial-" + UUID.randomUUID());
    try {
      try (OutputStream out = Files.newOutputStream(partial)) {
        content.writeTo(out);
      }
      Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(partial);
    }
  }

  @Override
  public List<Entry> list(String directory) throws IOException {
    List<Path> paths;
    try (Stream<Path> files = Files.list(path(directory))) {
      paths = files.sorted().toList();
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    List<Entry> entries = new ArrayList<>();
    for (Path path : paths) {
      try {
        BasicFileAttributes found = Files.readAttributes(path, BasicFileAttributes.class);
        entries.add(
            new Entry(
                path.getFileName().toString(),
                found.isDirectory(),
                found.isDirectory() ? 0 : found.size(),
                found.lastModifiedTime().toInstant()));
      } catch (NoSuchFileException e) {
        continue; // deleted since it was listed, or a link to nothing
      }
    }
    return entries;
  }

  @Override
  public void delete(String name) throws IOException {
    Files.deleteIfExists(path(name));
  }

  @Override
  public void deleteEmptyDirectory(String name) throws IOException {
    if (Files.isDirectory(path(name)) && list(name).isEmpty()) {
      Files.deleteIfExists(path(name));
    }
  }
}
