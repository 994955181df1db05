package io.murmuration.release;

import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.Horizon;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What is promised, to whom and under which assumptions, in words: the one place from which
 * releases, reports and commands take them. {@code docs/guarantee.md} explains each assumption
 * under the same premise, which a test compares.
 */
public final class Guarantee {

  /** Who is protected. */
  public static final String UNIT = "one user: all events that ever carry that user id";

  /** What the two streams differ in that ε and δ compare. */
  public static final String RELATION = "add or remove one user with all their events";

  /** What an observer may see without learning more than the guarantee allows. */
  public static final String RELEASED =
      "the noisy model after every round, its manifest and announcement, calibration outcomes, and"
          + " the ledger with its halts and epochs";

  /** Which promise it is where the budget is the domain's. */
  public static final String PROMISE_OF_THE_DOMAIN =
      "The budget is the domain's: training halts before everything released would cost more.";

  /** Which promise it is where the budget is each user's, whatever the numbers are. */
  public static final String PROMISE_OF_LIFETIMES =
      "The budget is each user's: nobody's words influence more than a lifetime of rounds, and"
          + " training goes on without an end.";

  /** What holds where somebody chooses when to look. */
  public static final String STOPPING =
      "It holds for a round that was fixed in advance. Under any rule for when to stop looking,"
          + " what holds is the total that the ledger reserved, which never exceeds the budget.";

  /** What the guarantee assumes, each to follow "it holds if". */
  public static final List<Assumption> ASSUMPTIONS =
      List.of(
          new Assumption(
              "The round in which an event arrives is part of the input",
              "load (a flood from one user that delays others) is outside the guarantee, and so is"
                  + " how long a round took where it did not fit its interval, which the ledger"
                  + " names"),
          new Assumption(
              "Process failures do not depend on the data",
              "a record or a user that cannot be processed contributes zero, and the round goes"
                  + " on"),
          new Assumption(
              "The base model, its tokenizer and the starting point are public, or already charged",
              "a release that training starts from is of this domain, or was declared public"),
          new Assumption(
              "One id is one person",
              "a person with two ids, or one whose words stand in what another user says or was"
                  + " asked, is covered per id; the same people in two domains spend from two budgets, which add up"),
          new Assumption(
              "Sampling and noise come from a cryptographic generator, drawn afresh for every"
                  + " attempt",
              "a round that failed is charged, and never repeated with the same randomness"));

  /**
   * One assumption.
   *
   * @param premise a sentence without its full stop
   * @param detail what that means, to follow a colon
   */
  public record Assumption(String premise, String detail) {

    /** Premise and detail, without a full stop. */
    public String sentence() {
      return premise + ": " + detail;
    }
  }

  private Guarantee() {}

  /** The guarantee of all releases up to a round in one sentence. */
  public static String sentence(String domain, long round, double epsilon, double delta) {
    return "All releases of the domain %s up to and including round %d together are (%s, %s)-differentially private at user level."
        .formatted(domain, round, epsilonRoundedUp(epsilon), number(delta));
  }

  /**
   * Which promise it is, in one sentence.
   *
   * @param lifetime whose rounds count; empty where the budget is the domain's
   */
  public static String promise(Optional<Horizon> lifetime) {
    return lifetime
        .map(
            horizon ->
                "The budget is each user's: nobody's words influence more than %s of generation %d, and training goes on without an end."
                    .formatted(rounds(horizon.rounds()), horizon.generation()))
        .orElse(PROMISE_OF_THE_DOMAIN);
  }

  /** Which promise a ledger makes, in one sentence. */
  public static String promise(LedgerState ledger) {
    boolean ofLifetimes =
        ledger.genesis().map(genesis -> genesis.generations() != null).orElse(false);
    // while a calibration is open it is not known yet how many rounds a lifetime has
    return ofLifetimes && ledger.horizon().isEmpty()
        ? PROMISE_OF_LIFETIMES
        : promise(ledger.horizon());
  }

  /**
   * What a release states: the guarantee, and where users have lifetimes which promise it is.
   *
   * @param lifetime whose rounds count; empty for a calibration, and where the budget is the
   *     domain's
   */
  public static String statement(
      String domain, long round, double epsilon, double delta, Optional<Horizon> lifetime) {
    String sentence = sentence(domain, round, epsilon, delta);
    return lifetime.isPresent() ? sentence + " " + promise(lifetime) : sentence;
  }

  private static String rounds(long number) {
    return number == 1 ? "1 round" : String.format(Locale.ROOT, "%,d rounds", number);
  }

  /** Four decimals, never below the true value. */
  public static String epsilonRoundedUp(double epsilon) {
    return PrivacyLoss.text(epsilon, /* decimals= */ 4);
  }

  /** A public parameter, in full. */
  static String number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }
}
