package io.murmuration.calibration;

import io.murmuration.privacy.accounting.JointComposition;
import io.murmuration.privacy.accounting.JointNoise;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.Option;
import io.murmuration.privacy.ledger.LedgerRecord.Slot;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.Sampler;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a calibrated domain reserves for all of its phases together, from public terms alone.
 *
 * <p>The slots, in this order: one for each measurement, taken once a cycle; one for measurements
 * that are repeated, of whichever kind, if any may be; one for training, taken once a cycle.
 *
 * <p>Noise: measurements get what they need if they alone were to cost their share of ε. Training
 * gets what is left, by {@link JointNoise}: the least at which the whole is within the budget.
 *
 * @param measurements what is measured, in this order
 * @param slots all that is reserved
 * @param budget (ε, δ) for all slots together
 */
record JointSlots(List<RoundMechanism> measurements, List<Slot> slots, PrivacyLoss budget)
    implements Serializable {

  /** Seconds of work: it calibrates the noise of every option. */
  static JointSlots of(CalibrationTerms terms) {
    JointNoise noise = new JointNoise(new PldAccountant());
    PrivacyLoss budget = terms.budget();
    List<RoundMechanism> measurements = measurements(terms, noise);
    List<Slot> looks = looks(terms, measurements);
    List<Option> unit = new CalibrationChoice(terms).options(/* noiseMultiplier= */ 1);
    List<Mechanism> accounted = unit.stream().map(Option::accounted).toList();
    List<Double> base = noise.ofOptions(accounted, terms.trainingRounds(), terms.cycles(), budget);
    double factor =
        noise.factor(
            at -> composition(with(looks, training(unit, base, at, terms.cycles()))), budget);
    return new JointSlots(
        measurements, with(looks, training(unit, base, factor, terms.cycles())), budget);
  }

  private static List<Slot> with(List<Slot> looks, Slot training) {
    return Stream.concat(looks.stream(), Stream.of(training)).toList();
  }

  private static Slot training(List<Option> unit, List<Double> base, double factor, int cycles) {
    List<Option> options = new ArrayList<>();
    for (int i = 0; i < unit.size(); i++) {
      options.add(unit.get(i).withNoiseMultiplier(base.get(i) * factor));
    }
    return new Slot(cycles, options);
  }

  private static List<RoundMechanism> measurements(CalibrationTerms terms, JointNoise noise) {
    int rounds = terms.cycles() + terms.retries();
    List<RoundMechanism> alone =
        shapes(terms).stream()
            .map(
                shape ->
                    shape.withNoiseMultiplier(noise.ofAll(shape.accounted(), rounds, terms.look())))
            .toList();
    if (alone.size() == 1) {
      return alone;
    }
    double factor = noise.factor(at -> composition(looks(terms, scaled(alone, at))), terms.look());
    return scaled(alone, factor);
  }

  private static List<RoundMechanism> scaled(List<RoundMechanism> all, double factor) {
    return all.stream()
        .map(one -> one.withNoiseMultiplier(one.noiseMultiplier() * factor))
        .toList();
  }

  /** The measurements but for their noise. */
  private static List<RoundMechanism> shapes(CalibrationTerms terms) {
    List<RoundMechanism> shapes = new ArrayList<>();
    if (terms.counts() != null) {
      shapes.add(shape(terms.counts(), /* samplingProbability= */ 1, /* groupSize= */ 1));
    }
    if (terms.norms() != null) {
      List<Integer> candidates = terms.norms().groupSizes();
      shapes.add(shape(terms.norms(), terms.normSampling(), candidates.get(candidates.size() - 1)));
    }
    return shapes;
  }

  private static RoundMechanism shape(RoundQuery query, double samplingProbability, int groupSize) {
    return new RoundMechanism(
        Sampler.ULS,
        samplingProbability,
        groupSize,
        /* noiseMultiplier= */ 1,
        query.sensitivity(/* clipNorm= */ 1),
        /* expectedUnits= */ 1,
        query);
  }

  private static List<Slot> looks(CalibrationTerms terms, List<RoundMechanism> measurements) {
    List<Slot> slots = new ArrayList<>();
    List<Option> kinds = measurements.stream().map(one -> Option.of(one, /* rounds= */ 1)).toList();
    kinds.forEach(kind -> slots.add(new Slot(terms.cycles(), List.of(kind))));
    if (terms.retries() > 0) {
      slots.add(new Slot(terms.retries(), kinds));
    }
    return slots;
  }

  private static JointComposition composition(List<Slot> slots) {
    return new JointComposition(
        slots.stream()
            .map(slot -> new JointComposition.Part(slot.choice(), slot.times()))
            .toList());
  }

  /** The slot of a measurement, by its position. */
  int slotOf(int measurement) {
    return measurement + 1;
  }

  /** The slot of repeated measurements, if {@link #hasRetries}. */
  int retrySlot() {
    return measurements.size() + 1;
  }

  /** Whether a measurement may be repeated at all. */
  boolean hasRetries() {
    return retrySlot() < trainingSlot();
  }

  int trainingSlot() {
    return slots.size();
  }

  /** What training may be. */
  List<Option> training() {
    return slots.get(slots.size() - 1).options();
  }

  /**
   * Whether a ledger's reservation is of these slots, but for how precisely noise was calibrated.
   */
  boolean isThatOf(JointlyReserved reserved) {
    if (!reserved.reserved().equals(budget) || reserved.slots().size() != slots.size()) {
      return false;
    }
    for (int i = 0; i < slots.size(); i++) {
      Slot own = slots.get(i);
      Slot other = reserved.slots().get(i);
      if (own.times() != other.times() || own.options().size() != other.options().size()) {
        return false;
      }
      for (int j = 0; j < own.options().size(); j++) {
        if (!own.options().get(j).differsInCalibrationOnly(other.options().get(j))) {
          return false;
        }
      }
    }
    return true;
  }

  /** These slots with the noise that a ledger's reservation of them has. */
  JointSlots adopting(JointlyReserved reserved) {
    List<RoundMechanism> adopted = new ArrayList<>();
    for (int i = 0; i < measurements.size(); i++) {
      Option option = reserved.slot(slotOf(i)).options().get(0);
      adopted.add(measurements.get(i).withNoiseMultiplier(option.noiseMultiplier()));
    }
    return new JointSlots(adopted, reserved.slots(), budget);
  }
}
