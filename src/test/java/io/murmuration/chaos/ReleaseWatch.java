package io.murmuration.chaos;

import io.murmuration.release.Digests;
import io.murmuration.release.DirectoryModelStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A consumer that looks at the releases all the time: what was visible once must stay as it is. */
final class ReleaseWatch {

  private static final long PAUSE_MILLIS = 1_000;

  private final Path releases;
  private final Thread thread = new Thread(this::watch, "release-watch");
  private final Map<String, String> seen = new TreeMap<>();
  private final List<String> changed = new ArrayList<>();
  private boolean paused;
  private volatile boolean stopped;

  ReleaseWatch(Path releases) {
    this.releases = releases;
  }

  void start() {
    thread.setDaemon(true);
    thread.start();
  }

  /** Looks no more: the store is about to be moved away. */
  synchronized void pause() {
    paused = true;
  }

  synchronized void proceed() {
    paused = false;
  }

  private void watch() {
    try {
      while (!stopped) {
        look();
        Thread.sleep(PAUSE_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized void look() {
    if (paused) {
      return;
    }
    try {
      DirectoryModelStore store = DirectoryModelStore.reading(releases);
      List<String> names = store.published();
      seen.keySet().stream().filter(name -> !names.contains(name)).forEach(changed::add);
      for (String name : names) {
        String digest = Digests.ofRelease(store.read(name));
        String before = seen.putIfAbsent(name, digest);
        if (before != null && !before.equals(digest)) {
          changed.add(name);
        }
      }
    } catch (IOException e) {
      changed.add("unreadable: " + e);
    }
  }

  /** Looks a last time and ends. */
  void stop() throws InterruptedException {
    if (!stopped) {
      stopped = true;
      thread.interrupt();
      thread.join();
      look();
    }
  }

  /** Releases that changed, vanished or could not be read after they had been seen. */
  synchronized List<String> changed() {
    return List.copyOf(changed);
  }
}
