package io.murmuration.contribution;

import io.murmuration.event.Example;
import io.murmuration.event.UserEvent;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.io.DataInputStream;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.runtime.state.CompletedCheckpointStorageLocation;
import org.apache.flink.runtime.state.filesystem.AbstractFsCheckpointStorageAccess;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.apache.flink.streaming.util.KeyedTwoInputStreamOperatorTestHarness;

/**
 * What a savepoint in canonical format keeps of every user. The operator itself tells: restored
 * from the savepoint, it is granted one round in which everybody is sampled with all they have.
 */
public final class PooledTexts {

  private static final String UID = "bound-and-sample";
  private static final RoundMechanism EVERYTHING =
      new RoundMechanism(
          Sampler.ULS,
          /* samplingProbability= */ 1,
          /* groupSize= */ 1 << 20,
          /* noiseMultiplier= */ 1,
          /* clipNorm= */ 1,
          /* expectedUnits= */ 1);

  private PooledTexts() {}

  /**
   * The texts that could be sampled of each user at {@code tick}.
   *
   * @param bounds those of the job
   * @param tick later than any that the job has seen, while its windows are live
   */
  public static Map<String, List<String>> in(String savepoint, ContributionBounds bounds, long tick)
      throws Exception {
    OperatorState state = samplerState(savepoint);
    try (KeyedTwoInputStreamOperatorTestHarness<String, UserEvent, BudgetSignal, CohortRecord>
        operator =
            new KeyedTwoInputStreamOperatorTestHarness<>(
                new BoundAndSampleOperator(bounds),
                UserEvent::userId,
                null,
                Types.STRING,
                state.getMaxParallelism(),
                /* numSubtasks= */ 1,
                /* subtaskIndex= */ 0)) {
      operator.setup(new CohortRecordSerializer());
      operator.initializeState(
          AbstractStreamOperatorTestHarness.repackageState(
              state.getStates().stream()
                  .map(PooledTexts::ofUsers)
                  .toArray(OperatorSubtaskState[]::new)));
      operator.open();
      long epoch = Long.MAX_VALUE;
      operator.processElement2(new StreamRecord<>(new EpochStart(epoch, tick)));
      operator.processElement2(
          new StreamRecord<>(new Grant(epoch, 1, tick, 1, EVERYTHING, 1, 0.5, "")));
      operator.processWatermark2(new Watermark(tick));
      Map<String, List<String>> texts = new TreeMap<>();
      while (!operator.getOutput().contains(new Watermark(tick))) {
        // a mass of timers is fired in quanta of time
        operator.setProcessingTime(operator.getProcessingTime() + 1_000);
      }
      for (CohortRecord part : operator.extractOutputValues()) {
        UserSample sample = (UserSample) part;
        texts.put(sample.userId(), sample.examples().stream().map(Example::text).toList());
      }
      return texts;
    }
  }

  /** Without what the operator knows of rounds, so that lifetimes need not be counted here. */
  private static OperatorSubtaskState ofUsers(OperatorSubtaskState subtask) {
    return OperatorSubtaskState.builder()
        .setManagedKeyedState(subtask.getManagedKeyedState())
        .setRawKeyedState(subtask.getRawKeyedState())
        .build();
  }

  private static OperatorState samplerState(String savepoint) throws Exception {
    CompletedCheckpointStorageLocation location =
        AbstractFsCheckpointStorageAccess.resolveCheckpointPointer(savepoint);
    try (DataInputStream in = new DataInputStream(location.getMetadataHandle().openInputStream())) {
      CheckpointMetadata metadata =
          Checkpoints.loadCheckpointMetadata(
              in, PooledTexts.class.getClassLoader(), location.getExternalPointer());
      return metadata.getOperatorStates().stream()
          .filter(state -> state.getOperatorUid().filter(UID::equals).isPresent())
          .findAny()
          .orElseThrow(
              () -> new IllegalArgumentException("there is no " + UID + " in " + savepoint));
    }
  }
}
