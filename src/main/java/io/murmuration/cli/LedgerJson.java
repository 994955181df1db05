package io.murmuration.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.privacy.ledger.LedgerRecord.GenerationOpened;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Slot;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.ledger.LedgerState.LedgerPhase;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.release.Guarantee;
import io.murmuration.release.RoundAccount;

/** What {@code murmuration ledger show --json} prints. */
final class LedgerJson {

  private static final ObjectMapper JSON = new ObjectMapper();

  private LedgerJson() {}

  static ObjectNode json(JointlyReserved reserved) {
    ObjectNode node =
        JSON.createObjectNode()
            .put("epoch", reserved.epoch())
            .put("epsilon_reserved", reserved.epsilon())
            .put("delta", reserved.delta())
            .put("epsilon", reserved.accounts().epsilon());
    ArrayNode slots = node.putArray("slots");
    for (Slot slot : reserved.slots()) {
      slots
          .addObject()
          .put("times", slot.times())
          .put("options", slot.options().size())
          .put("rounds", slot.mostRounds());
    }
    return node;
  }

  static ObjectNode summary(LedgerCommand.Verified ledger, RoundAccount rounds) {
    LedgerState state = ledger.state();
    ObjectNode node = JSON.createObjectNode();
    state
        .genesis()
        .ifPresent(
            genesis ->
                node.put("domain", genesis.domain())
                    .put("unit", genesis.unit())
                    .put("neighbouring_relation", genesis.neighbouringRelation())
                    .put("genesis_millis", genesis.genesisMillis())
                    .put("round_interval_millis", genesis.roundIntervalMillis())
                    .put("generations", genesis.generations()));
    node.put("promise", Guarantee.promise(state));
    ArrayNode generations = node.putArray("generations_opened");
    for (GenerationOpened opened : ledger.generations()) {
      ObjectNode generation =
          generations
              .addObject()
              .put("generation", opened.generation())
              .put("epoch", opened.epoch());
      opened.identity().forEach(generation.putObject("identity")::put);
    }
    state
        .horizon()
        .ifPresent(
            horizon ->
                node.putObject("horizon")
                    .put("generation", horizon.generation())
                    .put("rounds", horizon.rounds())
                    .put("first_round", horizon.firstRound()));
    node.put("epsilon_budget", state.epsilonBudget())
        .put("delta", state.delta())
        .put("epsilon_reserved", state.reserved().epsilon())
        .put("delta_reserved", state.reserved().delta())
        .put("epoch", state.epoch())
        .put("rounds", state.rounds())
        .put("last_charged_tick", state.lastChargedTick());
    state
        .phase()
        .ifPresent(
            phase ->
                node.set(
                    "phase",
                    mechanism(phase)
                        .put("phase", phase.phase())
                        .put("epsilon", phase.epsilon())
                        .put("delta", phase.delta())
                        .put("max_rounds", phase.maxRounds())
                        .put("generation", phase.generation())
                        .put("rounds", state.roundsInPhase())));
    ArrayNode joint = node.putArray("joint");
    ledger.joint().forEach(reserved -> joint.add(json(reserved)));
    ArrayNode phases = node.putArray("phases");
    ArrayNode calibrations = node.putArray("calibrations");
    for (LedgerPhase phase : state.phases()) {
      phases.add(
          mechanism(phase.opened())
              .put("phase", phase.opened().phase())
              .put("epsilon", phase.opened().epsilon())
              .put("delta", phase.opened().delta())
              .put("max_rounds", phase.opened().maxRounds())
              .put("slot", phase.opened().slot())
              .put("generation", phase.opened().generation()));
      if (phase.outcome() != null) {
        ObjectNode calibration =
            calibrations
                .addObject()
                .put("phase", phase.outcome().phase())
                .put("round", phase.outcome().round())
                .put("epoch", phase.outcome().epoch())
                .put("purpose", phase.opened().mechanism().query().purpose());
        phase.outcome().answer().forEach(calibration.putArray("noised")::add);
      }
    }
    node.set("account", account(rounds));
    node.put("halted", state.halt().map(Enum::name).orElse(null))
        .put("records", ledger.entries().size())
        .put("head_hash", state.headHash());
    return node;
  }

  private static ObjectNode account(RoundAccount rounds) {
    ObjectNode node =
        JSON.createObjectNode()
            .put("charged", rounds.charged())
            .put("executed_at_least", rounds.executedAtLeast());
    rounds
        .releases()
        .ifPresent(
            releases -> {
              node.put("durable_at_least", releases.published())
                  .put("published", releases.published());
              releases.open().forEach(node.putArray("not_published_yet")::add);
              releases.beforeOldest().forEach(node.putArray("before_oldest_release")::add);
              releases.lost().forEach(node.putArray("lost")::add);
            });
    return node;
  }

  private static ObjectNode mechanism(PhaseOpened phase) {
    RoundMechanism mechanism = phase.mechanism();
    ObjectNode node =
        JSON.createObjectNode()
            .put("purpose", mechanism.query().purpose())
            .put("sampler", mechanism.sampler().name())
            .put("sampling_probability", mechanism.samplingProbability())
            .put("group_size", mechanism.groupSize())
            .put("noise_multiplier", mechanism.noiseMultiplier())
            .put("clip_norm", mechanism.clipNorm())
            .put("expected_units", mechanism.expectedUnits());
    if (mechanism.correlatedNoise() != null) {
      node.put("noise_bands", mechanism.bands())
          .put("turn_key", mechanism.correlatedNoise().turnKey());
    }
    return node;
  }
}
