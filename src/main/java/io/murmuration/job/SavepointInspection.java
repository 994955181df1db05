package io.murmuration.job;

import io.murmuration.contribution.StateSummary;
import io.murmuration.contribution.UserFootprint;
import io.murmuration.contribution.UserFootprintFunction;
import io.murmuration.contribution.UserFootprintSerializer;
import java.io.IOException;
import java.util.Comparator;
import java.util.List;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.state.api.OperatorIdentifier;
import org.apache.flink.state.api.SavepointReader;
import org.apache.flink.state.api.runtime.SavepointLoader;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.CloseableIterator;

/**
 * What a savepoint or retained checkpoint of the job holds: every operator's size, and
 * distributions over the users of {@code bound & sample}. Texts and user ids are not shown.
 *
 * @param checkpointId of the savepoint or checkpoint
 * @param operators by uid
 * @param users of the keyed state
 */
public record SavepointInspection(
    long checkpointId, List<OperatorSize> operators, StateSummary users) {

  private static final MemorySize MANAGED_MEMORY = MemorySize.ofMebiBytes(256);

  /**
   * One operator.
   *
   * @param uid its uid, or its hash where the savepoint does not say
   * @param parallelism subtasks that wrote it
   * @param maxParallelism key groups
   * @param bytes of all its state as stored
   */
  public record OperatorSize(String uid, int parallelism, int maxParallelism, long bytes) {

    private static OperatorSize of(OperatorState state) {
      return new OperatorSize(
          state.getOperatorUid().orElse(state.getOperatorID().toHexString()),
          state.getParallelism(),
          state.getMaxParallelism(),
          state.getStateSize());
    }
  }

  public SavepointInspection {
    operators = List.copyOf(operators);
  }

  /**
   * Reads a savepoint on this machine.
   *
   * @param path path or URI of the savepoint, or of a retained checkpoint ({@code chk-…}); what
   *     loads Flink's file systems is the caller's affair
   * @param stateBackend "rocksdb" or "hashmap"; savepoints in canonical format are read by either,
   *     others by the backend that wrote them
   * @throws IOException if it is not a savepoint
   */
  public static SavepointInspection read(String path, String stateBackend) throws Exception {
    CheckpointMetadata metadata = SavepointLoader.loadSavepointMetadata(path);
    List<OperatorSize> operators =
        metadata.getOperatorStates().stream()
            .map(OperatorSize::of)
            .sorted(Comparator.comparing(OperatorSize::uid))
            .toList();
    return new SavepointInspection(
        metadata.getCheckpointId(), operators, summary(path, stateBackend));
  }

  private static StateSummary summary(String path, String stateBackend) throws Exception {
    Configuration configuration = new Configuration();
    configuration.set(StateBackendOptions.STATE_BACKEND, stateBackend);
    configuration.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MANAGED_MEMORY);
    configuration.set(PipelineOptions.GENERIC_TYPES, false);
    try (StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(configuration)) {
      StateSummary summary = new StateSummary();
      try (CloseableIterator<UserFootprint> users =
          SavepointReader.read(env, path)
              .readKeyedState(
                  OperatorIdentifier.forUid(MurmurationTopology.BOUND_AND_SAMPLE),
                  new UserFootprintFunction(),
                  Types.STRING,
                  new UserFootprintSerializer().typeInfo(UserFootprint.class))
              .executeAndCollect("inspect a savepoint")) {
        users.forEachRemaining(summary::add);
      }
      return summary;
    }
  }
}
