package io.murmuration.privacy.ledger;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.privacy.ledger.LedgerRecord.BudgetRaised;
import io.murmuration.privacy.ledger.LedgerRecord.Calibrated;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import io.murmuration.privacy.ledger.LedgerRecord.GenerationOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.ledger.LedgerRecord.Halted;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.Option;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Slot;
import io.murmuration.privacy.mechanism.JsonFields;
import io.murmuration.privacy.mechanism.MechanismJson;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import org.apache.commons.codec.digest.DigestUtils;

/**
 * The written form of the ledger: one JSON object a line, its fields in a fixed order.
 *
 * <p>The last field, {@code hash}, is the SHA-256 of the line without that field, so that anybody
 * can check the chain with standard tools: {@code sed 's/,"hash":"[0-9a-f]*"}$/}/'} and {@code
 * sha256sum}. The hash is always taken over the bytes as written, never over a re-encoding.
 *
 * <p>Lines of ledgers from before calibrations read as they did: a mechanism without a query is
 * training, a charge without a clip norm has its phase's, one without a due tick says nothing of
 * when it was due. Releases from before refuse a ledger in which one of them is given, for they
 * know no such field, and never misread it. The same holds for joint reservations and the slots
 * that phases take, for generations of lifetimes, and for correlated noise.
 */
final class LedgerCodec {

  /** Format of the lines; a ledger of a later format is refused, never guessed at. */
  private static final int FORMAT = 1;

  private static final String HASH_FIELD = ",\"hash\":\"";
  private static final int HASH_SUFFIX_LENGTH = HASH_FIELD.length() + 64 + "\"}".length();

  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private LedgerCodec() {}

  static LedgerEntry encode(long sequence, String previousHash, LedgerRecord record) {
    ObjectNode node = JSON.createObjectNode();
    node.put("sequence", sequence).put("previous", previousHash);
    String body = json(record.visit(new Fields(node)));
    String hash = DigestUtils.sha256Hex(body);
    String line = body.substring(0, body.length() - 1) + HASH_FIELD + hash + "\"}";
    return new LedgerEntry(sequence, previousHash, record, hash, line);
  }

  /** The first bytes of every line with this position in the chain. */
  static String beginning(long sequence, String previousHash) {
    String empty =
        json(JSON.createObjectNode().put("sequence", sequence).put("previous", previousHash));
    return empty.substring(0, empty.length() - 1) + ",\"type\":\"";
  }

  /**
   * Reads one line and checks its own hash; its place in the chain is for {@link LedgerState}.
   *
   * @throws IllegalArgumentException if the line is damaged, with what is wrong about it
   */
  static LedgerEntry decode(String line) {
    int cut = line.length() - HASH_SUFFIX_LENGTH;
    if (cut < 0 || !line.startsWith(HASH_FIELD, cut) || !line.endsWith("\"}")) {
      throw new IllegalArgumentException("it does not end with its hash");
    }
    String written = line.substring(cut + HASH_FIELD.length(), line.length() - 2);
    String hash = DigestUtils.sha256Hex(line.substring(0, cut) + "}");
    if (!hash.equals(written)) {
      throw new IllegalArgumentException(
          "its content hashes to %s but it says %s".formatted(hash, written));
    }
    JsonFields fields = new JsonFields(parse(line));
    long sequence = fields.integer("sequence");
    String previous = fields.text("previous");
    LedgerRecord record = read(fields);
    fields.text("hash");
    fields.requireNoOthers();
    return new LedgerEntry(sequence, previous, record, hash, line);
  }

  /**
   * Whether a line without line end may be a record written to its end, perhaps damaged since: it
   * contains a hash field of full length.
   */
  static boolean mayBeWhole(String line) {
    int field = line.indexOf(HASH_FIELD);
    return field >= 0 && line.length() >= field + HASH_SUFFIX_LENGTH;
  }

  /** Adds the fields of a record of each kind. */
  private record Fields(ObjectNode node) implements LedgerRecord.Visitor<ObjectNode> {

    @Override
    public ObjectNode genesis(Genesis genesis) {
      node.put("type", "genesis")
          .put("format", FORMAT)
          .put("domain", genesis.domain())
          .put("unit", genesis.unit())
          .put("neighbouring_relation", genesis.neighbouringRelation())
          .put("epsilon_budget", genesis.epsilonBudget())
          .put("delta", genesis.delta())
          .put("genesis_millis", genesis.genesisMillis())
          .put("round_interval_millis", genesis.roundIntervalMillis());
      return genesis.generations() == null ? node : node.put("generations", genesis.generations());
    }

    @Override
    public ObjectNode epochOpened(EpochOpened opened) {
      return node.put("type", "epoch").put("epoch", opened.epoch()).put("job", opened.jobId());
    }

    @Override
    public ObjectNode generationOpened(GenerationOpened opened) {
      node.put("type", "generation")
          .put("epoch", opened.epoch())
          .put("generation", opened.generation());
      opened.identity().forEach(node.putObject("identity")::put);
      return node;
    }

    @Override
    public ObjectNode jointlyReserved(JointlyReserved reserved) {
      node.put("type", "reserved").put("epoch", reserved.epoch());
      ArrayNode slots = node.putArray("slots");
      for (Slot slot : reserved.slots()) {
        ArrayNode options = slots.addObject().put("times", slot.times()).putArray("options");
        for (Option option : slot.options()) {
          ObjectNode written =
              options
                  .addObject()
                  .put("sampler", option.sampler().name())
                  .put("sampling_probability", option.samplingProbability())
                  .put("group_size", option.groupSize())
                  .put("noise_multiplier", option.noiseMultiplier());
          if (option.bands() > 1) {
            written.put("bands", option.bands());
          }
          written.put("rounds", option.rounds());
        }
      }
      return node.put("epsilon", reserved.epsilon()).put("delta", reserved.delta());
    }

    @Override
    public ObjectNode phaseOpened(PhaseOpened phase) {
      node.put("type", "phase").put("epoch", phase.epoch()).put("phase", phase.phase());
      MechanismJson.write(phase.mechanism(), node.putObject("mechanism"));
      node.put("epsilon", phase.epsilon())
          .put("delta", phase.delta())
          .put("max_rounds", phase.maxRounds());
      if (phase.slot() != null) {
        node.put("slot", phase.slot());
      }
      return phase.generation() == null ? node : node.put("generation", phase.generation());
    }

    @Override
    public ObjectNode charge(Charge charge) {
      node.put("type", "charge")
          .put("epoch", charge.epoch())
          .put("round", charge.round())
          .put("tick", charge.tick())
          .put("phase", charge.phase());
      if (charge.clipNorm() != null) {
        node.put("clip_norm", charge.clipNorm());
      }
      return charge.dueTick() == null ? node : node.put("due_tick", charge.dueTick());
    }

    @Override
    public ObjectNode calibrated(Calibrated calibrated) {
      node.put("type", "calibrated")
          .put("epoch", calibrated.epoch())
          .put("round", calibrated.round())
          .put("phase", calibrated.phase());
      calibrated.answer().forEach(node.putArray("answer")::add);
      return node;
    }

    @Override
    public ObjectNode halted(Halted halted) {
      return node.put("type", "halted")
          .put("epoch", halted.epoch())
          .put("reason", halted.reason().name());
    }

    @Override
    public ObjectNode budgetRaised(BudgetRaised raised) {
      return node.put("type", "budget-raised")
          .put("epoch", raised.epoch())
          .put("epsilon_budget", raised.epsilonBudget())
          .put("delta", raised.delta());
    }
  }

  private static LedgerRecord read(JsonFields fields) {
    String type = fields.text("type");
    return switch (type) {
      case "genesis" -> {
        long format = fields.integer("format");
        if (format != FORMAT) {
          throw new IllegalArgumentException(
              "it is of format %d but this release reads format %d; run a release at least as new as the one that wrote it"
                  .formatted(format, FORMAT));
        }
        yield new Genesis(
            fields.text("domain"),
            fields.text("unit"),
            fields.text("neighbouring_relation"),
            fields.real("epsilon_budget"),
            fields.real("delta"),
            fields.integer("genesis_millis"),
            fields.integer("round_interval_millis"),
            fields.has("generations") ? fields.smallInteger("generations") : null);
      }
      case "epoch" -> new EpochOpened(fields.integer("epoch"), fields.text("job"));
      case "generation" ->
          new GenerationOpened(
              fields.integer("epoch"),
              fields.smallInteger("generation"),
              fields.object("identity").texts());
      case "phase" -> {
        RoundMechanism read = MechanismJson.read(fields.object("mechanism"));
        yield new PhaseOpened(
            fields.integer("epoch"),
            fields.smallInteger("phase"),
            read,
            fields.real("epsilon"),
            fields.real("delta"),
            fields.integer("max_rounds"),
            fields.has("slot") ? fields.smallInteger("slot") : null,
            fields.has("generation") ? fields.smallInteger("generation") : null);
      }
      case "reserved" ->
          new JointlyReserved(
              fields.integer("epoch"),
              fields.objects("slots").stream().map(LedgerCodec::slot).toList(),
              fields.real("epsilon"),
              fields.real("delta"));
      case "charge" ->
          new Charge(
              fields.integer("epoch"),
              fields.integer("round"),
              fields.integer("tick"),
              fields.smallInteger("phase"),
              fields.has("clip_norm") ? fields.real("clip_norm") : null,
              fields.has("due_tick") ? fields.integer("due_tick") : null);
      case "calibrated" ->
          new Calibrated(
              fields.integer("epoch"),
              fields.integer("round"),
              fields.smallInteger("phase"),
              fields.reals("answer"));
      case "halted" ->
          new Halted(fields.integer("epoch"), HaltReason.valueOf(fields.text("reason")));
      case "budget-raised" ->
          new BudgetRaised(
              fields.integer("epoch"), fields.real("epsilon_budget"), fields.real("delta"));
      default ->
          throw new IllegalArgumentException(
              "this release does not know records of type '" + type + "'");
    };
  }

  private static Slot slot(JsonFields fields) {
    Slot slot =
        new Slot(
            fields.smallInteger("times"),
            fields.objects("options").stream().map(LedgerCodec::option).toList());
    fields.requireNoOthers();
    return slot;
  }

  private static Option option(JsonFields fields) {
    Option option =
        new Option(
            Sampler.valueOf(fields.text("sampler")),
            fields.real("sampling_probability"),
            fields.smallInteger("group_size"),
            fields.real("noise_multiplier"),
            fields.has("bands") ? fields.smallInteger("bands") : 1,
            fields.integer("rounds"));
    fields.requireNoOthers();
    return option;
  }

  private static JsonNode parse(String line) {
    try {
      return JSON.readTree(line);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("it is not one JSON object: " + e.getOriginalMessage(), e);
    }
  }

  private static String json(ObjectNode node) {
    try {
      return JSON.writeValueAsString(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A ledger record has no JSON form", e);
    }
  }
}
