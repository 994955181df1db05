package io.murmuration.privacy.budget;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Decides whether the next round may be charged, so that failures lose little of what was paid for.
 *
 * <p>A granted round is <em>durable</em> once a completed checkpoint holds its outcome: the
 * trainer's state after it, and its release among those staged. Rules:
 *
 * <ol>
 *   <li>Nothing is charged before the first completed checkpoint of an epoch. A job that cannot
 *       complete one spends nothing.
 *   <li>Nothing is charged while {@link DurabilityTerms#maxUndurableRounds} rounds granted in this
 *       epoch are not durable. So a failure loses at most as many, the one in flight included.
 *   <li>Nothing is charged after the snapshot of a synchronous savepoint: the job is ending, and no
 *       checkpoint would follow.
 *   <li>After epochs in a row that charged and made nothing durable, the next charge waits for a
 *       pause that doubles with each, and in the end for a person. Otherwise a job that always
 *       reaches its first checkpoint and always dies of what follows spends a round an attempt.
 * </ol>
 *
 * <p><b>Why a settled round is durable.</b> The trainer keeps a round's outcome in what it will
 * snapshot and sends its release before it acknowledges. {@link #barrier} is called before barrier
 * n leaves the budget operator, on the thread that handles acknowledgements, and notes the last one
 * handled. So the acknowledgement, and with it the round's outcome, precedes barrier n at the
 * trainer, whose snapshot n holds it, and its release precedes barrier n at the publisher, whose
 * snapshot n holds that. When checkpoint m is complete, every note of a checkpoint up to m tells of
 * rounds that precede barrier m too. A checkpoint whose barrier passed before the epoch's start was
 * sent has no note and proves nothing. A savepoint that does not end the job is never reported
 * complete: its note settles with a later checkpoint.
 *
 * <p>Only rounds that were granted in this epoch count. A charge of unknown outcome was never
 * granted, and what earlier epochs had in flight is void: either would keep the gate shut for ever.
 *
 * <p>It neither blocks nor knows a clock. One thread uses an instance, the operator's: a note taken
 * by another could tell of an acknowledgement that came after the barrier.
 */
public final class DurabilityGate {

  private static final long NONE = 0;

  private final DurabilityTerms terms;

  /** Granted in this epoch and not durable, in order. */
  private final Deque<Long> undurable = new ArrayDeque<>();

  /** The last round acknowledged in this epoch before the barrier of each checkpoint, or none. */
  private final NavigableMap<Long, Long> notes = new TreeMap<>();

  private boolean epochStarted;
  private int wastedEpochs;
  private long mayChargeFromMillis;
  private boolean firstCheckpointCompleted;
  private boolean stopping;
  private long acknowledged = NONE;
  private long executedRound;
  private long durableRound;

  /**
   * @param restoredRound the last round whose outcome the restored state holds; 0 at a start
   *     without state
   */
  public DurabilityGate(DurabilityTerms terms, long restoredRound) {
    this.terms = terms;
    this.executedRound = restoredRound;
    this.durableRound = restoredRound;
  }

  /** Whether a round may be charged, and otherwise what it waits for. */
  public enum Verdict {
    /** A round may be charged. */
    OPEN("nothing"),
    /** It waits for the epoch, which is not even known. */
    EPOCH("the ledger, which opens the epoch"),
    /** No checkpoint that followed the epoch's start is complete. */
    FIRST_CHECKPOINT("the first completed checkpoint of this epoch"),
    /** It waits because as many rounds as may be are not durable. */
    DURABILITY("a checkpoint that makes granted rounds durable"),
    /** Epochs before this one were wasted. */
    PAUSE(
        "the end of a pause, since the attempts before charged rounds and made none of them"
            + " durable"),
    /** Too many epochs in a row were wasted. */
    PERSON(
        "a person: too many attempts in a row charged rounds and made none of them durable. Mend"
            + " what kills the job, stop it with a savepoint and submit it anew"),
    /** The job is ending. */
    STOPPING("nothing more: the job is stopped with a savepoint");

    private final String waitsFor;

    Verdict(String waitsFor) {
      this.waitsFor = waitsFor;
    }

    /** What charging waits for, for people. */
    public String waitsFor() {
      return waitsFor;
    }
  }

  /**
   * The start of the epoch is sent, before anything else of it.
   *
   * @param nowMillis wall time
   * @param wasted how many epochs of this job in a row, up to the one before, charged a round and
   *     made none durable
   */
  public void epochStarted(long nowMillis, int wasted) {
    epochStarted = true;
    wastedEpochs = wasted;
    mayChargeFromMillis =
        wasted < terms.mostWastedEpochs()
            ? nowMillis + terms.pauseAfter(wasted).toMillis()
            : Long.MAX_VALUE;
  }

  /** Ticks that an epoch has before its first charge is due. */
  int startTicks() {
    return terms.startTicks();
  }

  /** The pause before an epoch's first charge; none where a person must look first. */
  Duration pauseAfter(int wasted) {
    return wasted < terms.mostWastedEpochs() ? terms.pauseAfter(wasted) : Duration.ZERO;
  }

  /** A round of this epoch was granted. */
  public void granted(long round) {
    undurable.add(round);
  }

  /** The round in flight was acknowledged as executed in this epoch. */
  public void acknowledged(long round) {
    acknowledged = round;
    executedRound = Math.max(executedRound, round);
  }

  /** The barrier of this checkpoint is about to leave. */
  public void barrier(long checkpoint) {
    if (epochStarted) {
      notes.put(checkpoint, acknowledged);
    }
  }

  /** This checkpoint is complete. Notifications may be late, lost or out of order. */
  public void completed(long checkpoint) {
    NavigableMap<Long, Long> settled = notes.headMap(checkpoint, /* inclusive= */ true);
    Map.Entry<Long, Long> last = settled.lastEntry();
    if (last == null) {
      return;
    }
    firstCheckpointCompleted = true;
    long upTo = last.getValue();
    while (!undurable.isEmpty() && undurable.peek() <= upTo) {
      undurable.remove();
      wastedEpochs = 0;
    }
    durableRound = Math.max(durableRound, upTo);
    settled.clear();
  }

  /** This checkpoint was given up. What it would have proven, the next one will. */
  public void aborted(long checkpoint) {
    notes.remove(checkpoint);
  }

  /** A synchronous savepoint has been snapshot: the job ends, one way or the other. */
  public void stopping() {
    stopping = true;
  }

  /** Whether a round may be charged now. */
  public Verdict verdict(long nowMillis) {
    if (stopping) {
      return Verdict.STOPPING;
    }
    if (!epochStarted) {
      return Verdict.EPOCH;
    }
    if (mayChargeFromMillis == Long.MAX_VALUE) {
      return Verdict.PERSON;
    }
    if (nowMillis < mayChargeFromMillis) {
      return Verdict.PAUSE;
    }
    if (!firstCheckpointCompleted) {
      return Verdict.FIRST_CHECKPOINT;
    }
    return undurable.size() < terms.maxUndurableRounds() ? Verdict.OPEN : Verdict.DURABILITY;
  }

  /** Whether a checkpoint whose barrier left now would open the gate, or open it further. */
  public boolean wantsCheckpoint(long nowMillis) {
    return switch (verdict(nowMillis)) {
      case FIRST_CHECKPOINT -> true;
      case DURABILITY -> !undurable.isEmpty() && undurable.peek() <= acknowledged;
      default -> false;
    };
  }

  /**
   * The checkpoint under way that will do what {@link #wantsCheckpoint} asks for, 0 if there is
   * none: its barrier left after all that was acknowledged.
   */
  public long awaitedCheckpoint() {
    return notes.entrySet().stream()
        .filter(note -> note.getValue() == acknowledged)
        .map(Map.Entry::getKey)
        .findFirst()
        .orElse(NONE);
  }

  /** How long until a pause ends, at most; zero where none is under way. */
  public Duration pauseLeft(long nowMillis) {
    return verdict(nowMillis) == Verdict.PAUSE
        ? Duration.ofMillis(mayChargeFromMillis - nowMillis)
        : Duration.ZERO;
  }

  /** Epochs in a row, up to the one before, that charged and made nothing durable. */
  public int wastedEpochs() {
    return wastedEpochs;
  }

  /** Rounds granted in this epoch that are not durable: what a failure now would lose. */
  public int undurableRounds() {
    return undurable.size();
  }

  /**
   * The last round known to be executed, in this epoch or in those that the restored state came
   * from. What a barrier leaves with belongs to its snapshot.
   */
  public long executedRound() {
    return executedRound;
  }

  /** The last round known to be durable; 0 while there is none. */
  public long durableRound() {
    return durableRound;
  }
}
