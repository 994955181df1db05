package io.murmuration.demo;

import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.release.Guarantee;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What a demo came to in which people come and go, as text for the terminal: for the person at the
 * keyboard, since the trace of samples is an exact function of private data.
 *
 * @param run what was run and spent
 * @param topics what was learned, in the order in which they trended
 * @param trace what the demo's own audit found
 */
public record LifetimeSummary(Run run, List<Topic> topics, Lives trace) {

  private static final int LABEL_WIDTH = 34;

  /** A gain counts when it is this many standard errors above zero. */
  private static final double STANDARD_ERRORS = 4;

  /**
   * What was run and spent.
   *
   * @param halt why training ended before the demo did; null if it never halted
   * @param horizon whose rounds counted
   * @param people who said anything
   */
  public record Run(
      long rounds,
      String halt,
      Horizon horizon,
      double epsilonSpent,
      double epsilonBudget,
      double delta,
      long releases,
      long events,
      long people,
      Duration wallTime,
      Path output) {}

  /**
   * One topic, on public sentences about it alone; losses are means in nats per token.
   *
   * @param from the round at which it began to trend
   * @param to the last before the next one did
   * @param before of the newest release when it began, or of the base model
   * @param after of the newest release when it ended
   * @param gainStandardError standard error of the mean gain
   */
  public record Topic(
      String name, long from, long to, double before, double after, double gainStandardError) {

    /** Whether its sentences became more likely while it trended, beyond what chance explains. */
    public boolean learned() {
      return before - after > STANDARD_ERRORS * gainStandardError;
    }
  }

  /**
   * What the trace of samples and arrivals found. A user's rounds are those in which something live
   * was held of the user, up to the last one in which the user was sampled.
   *
   * @param users who were sampled at all
   * @param longest the most rounds of a user
   * @param beyond users of whom these are more than a lifetime
   * @param returned users who were sampled again after all that they had said before had expired
   * @param unheld users who were sampled in a round in which nothing live was held of them
   */
  public record Lives(long users, long longest, long beyond, long returned, long unheld) {}

  public LifetimeSummary {
    topics = List.copyOf(topics);
  }

  /**
   * Whether nobody was found in more rounds than a lifetime, nor in one after all had expired, of
   * those who were sampled at all.
   */
  public boolean isWithinLifetimes() {
    return trace.users() > 0 && trace.beyond() == 0 && trace.unheld() == 0;
  }

  /** How many topics were learned while they trended. */
  public long learned() {
    return topics.stream().filter(Topic::learned).count();
  }

  /** The summary, in lines that end in a line feed. */
  public String render() {
    List<String> lines = new ArrayList<>();
    lines.add("");
    lines.add(Guarantee.promise(Optional.of(run.horizon())));
    lines.add("");
    row(
        lines,
        "rounds",
        "%d, %.1f lifetimes of %d (%s)",
        run.rounds(),
        run.rounds() / (double) run.horizon().rounds(),
        run.horizon().rounds(),
        run.halt() == null ? "training has not halted" : "training HALTED: " + run.halt());
    row(
        lines,
        "privacy spent",
        "epsilon %s of %s at delta %s, per user, for ever",
        PrivacyLoss.text(run.epsilonSpent(), /* decimals= */ 4),
        run.epsilonBudget(),
        run.delta());
    row(lines, "events fed", "%,d of %,d people", run.events(), run.people());
    row(lines, "releases", "%d in %s", run.releases(), run.output());
    row(
        lines,
        "wall time",
        "%d min %d s",
        run.wallTime().toMinutes(),
        run.wallTime().toSecondsPart());
    lines.add("");
    lines.add(
        "%-34s%8s%10s%10s"
            .formatted("loss on what trends, nats per token", "rounds", "at first", "at last"));
    for (Topic topic : topics) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%-34s%8s%10.3f%10.3f",
              "  " + topic.name(),
              topic.from() + "-" + topic.to(),
              topic.before(),
              topic.after()));
    }
    lines.add("");
    lines.add(
        learned() == topics.size()
            ? "The model has learned all %d generations of topics, each while it trended."
                .formatted(topics.size())
            : "The model has learned only %d of %d generations of topics."
                .formatted(learned(), topics.size()));
    lines.add("");
    row(lines, "people who were sampled", "%,d", trace.users());
    row(lines, "  again, after all had expired", "%,d", trace.returned());
    row(
        lines,
        "rounds of the longest life seen",
        "%d of at most %d",
        trace.longest(),
        run.horizon().rounds());
    lines.add("");
    if (isWithinLifetimes()) {
      lines.add(
          "Nobody was found in more rounds than a lifetime has, by the demo's own trace of what arrived and what was sampled.");
    }
    if (trace.beyond() > 0) {
      lines.add(
          "%d people were found in MORE rounds than a lifetime has.".formatted(trace.beyond()));
    }
    if (trace.unheld() > 0) {
      lines.add(
          "%d people were sampled AFTER all that they had said had expired."
              .formatted(trace.unheld()));
    }
    if (trace.users() == 0) {
      lines.add("Nobody was seen to be sampled, so that nothing was audited.");
    }
    return String.join("\n", lines) + "\n";
  }

  private static void row(List<String> lines, String label, String format, Object... values) {
    lines.add(
        label
            + " ".repeat(Math.max(1, LABEL_WIDTH - label.length()))
            + String.format(Locale.ROOT, format, values));
  }
}
