package io.murmuration.experiment;

import io.murmuration.demo.HeldOutUsers;
import io.murmuration.event.EventsByUser;
import io.murmuration.event.Example;
import io.murmuration.event.avro.Interaction;
import io.murmuration.planning.CountDistribution;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Public chat users: some to train on, others to measure on.
 *
 * @param users examples by user
 * @param heldOut texts of users who are in {@code users} not at all
 */
record ChatPopulation(Map<String, List<Example>> users, List<String> heldOut) {

  /**
   * Reads a file without its bots and divides its users by a hash of their ids.
   *
   * @param population how many users to train on; at most those that are not held out
   * @param heldOutUsers how many users to keep out
   * @param heldOutTexts texts of theirs to measure on, users in turn
   */
  static ChatPopulation read(Path events, int population, int heldOutUsers, int heldOutTexts)
      throws IOException {
    Map<String, List<Interaction>> all = EventsByUser.read(events, /* bots= */ false);
    Set<String> out = HeldOutUsers.lowest(all.keySet(), heldOutUsers);
    int available = Math.min(all.size() - heldOutUsers, population);
    Set<String> chosen = new TreeSet<>(HeldOutUsers.lowest(all.keySet(), heldOutUsers + available));
    chosen.removeAll(out);
    Map<String, List<Example>> users = new LinkedHashMap<>();
    for (String user : chosen) {
      users.put(
          user, all.get(user).stream().map(event -> new Example(null, event.getText())).toList());
    }
    return new ChatPopulation(
        users,
        inTurn(new TreeSet<>(out).stream().map(user -> all.get(user)).toList(), heldOutTexts));
  }

  private static List<String> inTurn(List<List<Interaction>> users, int limit) {
    List<String> texts = new ArrayList<>();
    List<Iterator<Interaction>> waiting =
        new ArrayList<>(users.stream().map(List::iterator).toList());
    while (texts.size() < limit && !waiting.isEmpty()) {
      waiting.removeIf(user -> !user.hasNext());
      for (Iterator<Interaction> user : waiting) {
        if (texts.size() < limit) {
          texts.add(user.next().getText());
        }
      }
    }
    return texts;
  }

  CountDistribution counts() {
    return CountDistribution.ofCounts(users.values().stream().mapToInt(List::size));
  }
}
