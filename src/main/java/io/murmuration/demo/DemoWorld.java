package io.murmuration.demo;

import io.murmuration.event.EventFile;
import io.murmuration.event.avro.Interaction;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * What a demo feeds and what it measures.
 *
 * @param description one line for the terminal
 * @param interactions what is fed, in the order of time
 * @param heldOut texts that are never fed
 * @param stream the generated stream with its secrets, or empty where the events are somebody's own
 */
record DemoWorld(
    String description,
    List<Interaction> interactions,
    List<String> heldOut,
    Optional<SyntheticStream> stream) {

  /** The generated stream: its held-out texts are public sentences, half of them of the trend. */
  static DemoWorld generated(DemoSettings settings) {
    SyntheticStream stream =
        SyntheticStream.generate(
            settings.seed(), SyntheticStream.DEFAULT_USERS, SyntheticStream.DEFAULT_SECRETS);
    PublicChat text = new PublicChat();
    List<String> heldOut = new ArrayList<>();
    int half = Math.max(1, settings.heldOutMessages() / 2);
    heldOut.addAll(text.heldOutBeforeTrend(settings.seed() + 1, half));
    heldOut.addAll(text.heldOutTrend(settings.seed() + 1, half));
    return new DemoWorld(
        "%,d generated events of %,d users; a topic starts trending halfway, %d users tell a secret"
            .formatted(
                stream.events().size(), SyntheticStream.DEFAULT_USERS, stream.secrets().size()),
        stream.events().stream().map(SyntheticEvent::toInteraction).toList(),
        heldOut,
        Optional.of(stream));
  }

  /**
   * Events of a file, bots left out. Some users are held out: the loss on their messages stays
   * inside the trust boundary, like everything that the terminal of a demo shows.
   *
   * @param complaints told of every line that is not an event; it is left out
   */
  static DemoWorld ofFile(DemoSettings settings, Consumer<String> complaints) {
    List<Interaction> all = readEvents(settings.events(), complaints);
    Set<String> users = new LinkedHashSet<>();
    all.forEach(interaction -> users.add(interaction.getUserId()));
    Set<String> heldOutUsers = HeldOutUsers.lowest(users, settings.heldOutUsers());
    List<Interaction> fed = new ArrayList<>();
    Map<String, List<String>> heldOut = new TreeMap<>();
    for (Interaction interaction : all) {
      if (heldOutUsers.contains(interaction.getUserId())) {
        heldOut
            .computeIfAbsent(interaction.getUserId(), user -> new ArrayList<>())
            .add(interaction.getText());
      } else {
        fed.add(interaction);
      }
    }
    return new DemoWorld(
        "%,d events of %s; the messages of %,d more users are held out"
            .formatted(fed.size(), settings.events().getFileName(), settings.heldOutUsers()),
        fed,
        inTurn(heldOut.values(), settings.heldOutMessages()),
        Optional.empty());
  }

  private static List<Interaction> readEvents(Path file, Consumer<String> complaints) {
    List<Interaction> all = new ArrayList<>();
    try (EventFile events = EventFile.open(file)) {
      for (Optional<EventFile.Line> next = events.next(); next.isPresent(); next = events.next()) {
        if (next.get() instanceof EventFile.Fault fault) {
          complaints.accept("left out " + fault.in(file));
        } else if (next.get() instanceof EventFile.Event event && !event.bot()) {
          Interaction interaction = event.interaction();
          if (interaction.getErase()) {
            all.removeIf(earlier -> earlier.getUserId().equals(interaction.getUserId()));
          } else {
            all.add(interaction);
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("The events " + file + " cannot be read", e);
    }
    if (all.isEmpty()) {
      throw new IllegalArgumentException(file + " holds no events");
    }
    return all;
  }

  /**
   * Takes texts up to a number, users in turn: training weighs users alike, and so does the loss.
   */
  private static List<String> inTurn(Collection<List<String>> textsOfUsers, int count) {
    List<String> chosen = new ArrayList<>();
    for (int turn = 0; chosen.size() < count; turn++) {
      int before = chosen.size();
      for (List<String> texts : textsOfUsers) {
        if (turn < texts.size() && chosen.size() < count) {
          // from the middle on: first words are greetings
          chosen.add(texts.get((texts.size() / 2 + turn) % texts.size()));
        }
      }
      if (chosen.size() == before) {
        break;
      }
    }
    return chosen;
  }

  /** The same after others have spoken. */
  DemoWorld after(List<Interaction> others) {
    List<Interaction> all = new ArrayList<>(others);
    all.addAll(interactions);
    return new DemoWorld(description, all, heldOut, stream);
  }

  Iterator<Interaction> feed() {
    return interactions.iterator();
  }
}
