package io.murmuration.privacy.budget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.fail;

import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.budget.RoundCoordinator.Step;
import io.murmuration.privacy.ledger.InMemoryLedger;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundExecuted;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery.ModelUpdate;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** How an adaptive clip norm moves from round to round: real coordinator, session and ledger. */
class AdaptiveClippingRoundsTest {

  private static final long GENESIS = 50_000;
  private static final double CONFIGURED = 0.5;

  private static final RoundMechanism ADAPTIVE =
      new RoundMechanism(
          Sampler.ULS,
          /* samplingProbability= */ 0.1,
          /* groupSize= */ 4,
          /* noiseMultiplier= */ 1,
          CONFIGURED,
          /* expectedUnits= */ 16,
          new ModelUpdate(new AdaptiveClipping(0.5, 0.2, 2)));

  private final String store = UUID.randomUUID().toString();

  @AfterEach
  void forget() {
    InMemoryLedger.forget(store);
  }

  @Test
  void eachRoundIsChargedWithTheClipNormThatTheOneBeforeCameBackWith() throws Exception {
    Attempt attempt = new Attempt(ADAPTIVE);
    attempt.open(0);
    Grant first = attempt.run(1, 0.75);
    Grant second = attempt.run(2, 0.25);
    Grant third = attempt.run(3, 0.125);
    assertThat(first.mechanism()).isEqualTo(ADAPTIVE);
    assertThat(second.mechanism()).isEqualTo(ADAPTIVE.withClipNorm(0.75));
    assertThat(third.mechanism()).isEqualTo(ADAPTIVE.withClipNorm(0.25));
    assertThat(chargedClipNorms()).containsExactly(CONFIGURED, 0.75, 0.25);
    assertThat(third.epsilonSpent()).as("whatever C is, a round costs the same").isEqualTo(3);
    assertThat(third.phase()).as("nor does it need a phase of its own").isEqualTo(1);
  }

  @Test
  void answersOfOtherEpochsAndRoundsMoveNothing() throws Exception {
    Attempt attempt = new Attempt(ADAPTIVE);
    attempt.open(0);
    attempt.grant(1);
    attempt.answer(/* epoch= */ 2, /* round= */ 1, 7);
    attempt.answer(/* epoch= */ 1, /* round= */ 2, 7);
    assertThat(attempt.coordinator.nextClipNorm()).isEmpty();
    attempt.answer(/* epoch= */ 1, /* round= */ 1, 0.75);
    attempt.answer(/* epoch= */ 1, /* round= */ 1, 7);
    assertThat(attempt.grant(2).mechanism().clipNorm()).isEqualTo(0.75);
    assertThat(attempt.coordinator.nextClipNorm()).as("it counts for one round").isEmpty();
  }

  @Test
  void aRestartGoesOnWithTheLastClipNormThatWasCharged() throws Exception {
    Attempt first = new Attempt(ADAPTIVE);
    first.open(0);
    first.run(1, 0.75);
    // its answer dies with the attempt: no charge carries it
    first.run(2, 0.25);
    Attempt second = new Attempt(ADAPTIVE);
    second.open(2);
    second.answer(/* epoch= */ 1, /* round= */ 2, 0.25);
    Grant third = second.grant(4);
    assertThat(third.epoch()).isEqualTo(2);
    assertThat(third.mechanism().clipNorm()).isEqualTo(0.75);
    second.answer(third.epoch(), third.round(), 0.375);
    assertThat(second.grant(5).mechanism().clipNorm()).isEqualTo(0.375);
    assertThat(chargedClipNorms()).containsExactly(CONFIGURED, 0.75, 0.75, 0.375);
  }

  @Test
  void anAnswerOutlivesALedgerThatWasLostAndOpenedAgain() throws Exception {
    Attempt attempt = new Attempt(ADAPTIVE);
    attempt.open(0);
    attempt.run(1, 0.75);
    attempt.coordinator.ledgerLost();
    assertThat(attempt.pulse(2)).isEqualTo(new Step.Pass(2));
    attempt.reopen();
    assertThat(attempt.grant(3).mechanism().clipNorm()).isEqualTo(0.75);
  }

  @Test
  void aChargeThatCameThroughUnseenKeepsItsClipNormAndIsNotRepeated() throws Exception {
    Attempt attempt = new Attempt(ADAPTIVE);
    attempt.open(0);
    attempt.run(1, 0.75);
    assertThat(((Step.Charge) attempt.pulse(2)).tick()).isEqualTo(2);
    attempt.session.charge(2, attempt.coordinator.nextClipNorm());
    attempt.coordinator.ledgerLost();
    Attempt second = new Attempt(ADAPTIVE);
    second.open(2);
    assertThat(second.grant(4).mechanism().clipNorm()).isEqualTo(0.75);
    assertThat(chargedClipNorms()).containsExactly(CONFIGURED, 0.75, 0.75);
  }

  @Test
  void anotherMechanismStartsFromItsOwnClipNorm() throws Exception {
    Attempt first = new Attempt(ADAPTIVE, /* share= */ 4);
    first.open(0);
    first.run(1, 0.75);
    RoundMechanism other = ADAPTIVE.withClipNorm(2);
    Attempt second = new Attempt(other, /* share= */ 4);
    second.open(1);
    Grant grant = second.grant(3);
    assertThat(grant.phase()).isEqualTo(2);
    assertThat(grant.mechanism()).isEqualTo(other);
  }

  @Test
  void refusesARoundThatComesBackWithoutItsClipNorm() throws Exception {
    Attempt attempt = new Attempt(ADAPTIVE);
    attempt.open(0);
    attempt.grant(1);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> attempt.coordinator.acknowledged(new RoundExecuted(1, 1)))
        .withMessage("round 1 must come back with 1 noised numbers but came with 0");
  }

  private List<Double> chargedClipNorms() throws Exception {
    try (Ledger ledger = InMemoryLedger.factory(store).create()) {
      return ledger.read().stream()
          .map(LedgerEntry::record)
          .filter(Charge.class::isInstance)
          .map(record -> ((Charge) record).clipNorm())
          .toList();
    }
  }

  /** One attempt of a job of its own; times are ticks since the genesis. */
  private final class Attempt {
    private final DurabilityGate gate = Budgets.gate();
    private final RoundCoordinator coordinator;
    private final LedgerSession session;

    Attempt(RoundMechanism mechanism) {
      this(Budgets.terms(9, mechanism));
    }

    Attempt(RoundMechanism mechanism, double share) {
      this(
          Budgets.terms(9, mechanism)
              .withShare(PrivacyLoss.budget("phase", share, Budgets.DELTA / 4)));
    }

    private Attempt(BudgetTerms terms) {
      coordinator = new RoundCoordinator(terms.phases(), /* restoredTick= */ 0, gate);
      session = Budgets.session(InMemoryLedger.factory(store), terms, UUID.randomUUID().toString());
    }

    void open(long tick) throws Exception {
      coordinator
          .opened(session.open(at(tick)), at(tick))
          .ifPresentOrElse(
              start -> coordinator.announced(Budgets.model(start.epoch(), 0)),
              () -> fail("no epoch started"));
      Budgets.open(gate);
    }

    void reopen() throws Exception {
      assertThat(coordinator.opened(session.open(GENESIS), GENESIS)).isEmpty();
    }

    Step pulse(long tick) {
      return coordinator.pulse(at(tick));
    }

    Grant grant(long tick) throws Exception {
      assertThat(((Step.Charge) pulse(tick)).tick()).isEqualTo(tick);
      Grant grant = session.charge(tick, coordinator.nextClipNorm());
      coordinator.granted(grant, session.state(), session.accountant());
      return grant;
    }

    void answer(long epoch, long round, double clipNorm) {
      coordinator.announced(Budgets.model(epoch, round));
      coordinator.acknowledged(new RoundExecuted(epoch, round, List.of(clipNorm)));
    }

    Grant run(long tick, double next) throws Exception {
      Grant grant = grant(tick);
      answer(grant.epoch(), grant.round(), next);
      return grant;
    }

    private long at(long tick) {
      return GENESIS + tick * Budgets.INTERVAL.toMillis();
    }
  }
}
