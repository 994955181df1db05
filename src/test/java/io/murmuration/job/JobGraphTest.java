package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.privacy.budget.PrivacyBudgetOperator;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.java.typeutils.runtime.PojoSerializer;
import org.apache.flink.api.java.typeutils.runtime.kryo.KryoSerializer;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.runtime.clusterframework.types.ResourceProfile;
import org.apache.flink.runtime.jobgraph.JobVertex;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamEdge;
import org.apache.flink.streaming.api.graph.StreamGraph;
import org.apache.flink.streaming.api.graph.StreamNode;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Savepoints, the web UI and the barrier of a round depend on what is pinned here. */
class JobGraphTest {

  private static final int UNPINNED = -1;

  /** An operator as the web UI and a savepoint know it. */
  private record Box(String name, String uid, int parallelism, int maxParallelism) {
    static Box of(StreamNode node) {
      return new Box(
          node.getOperatorName(),
          node.getTransformationUID(),
          node.getParallelism(),
          node.getMaxParallelism());
    }
  }

  @TempDir private Path directory;
  private StreamGraph graph;

  @BeforeEach
  void buildJob() {
    Configuration flink = new Configuration();
    // then Flink refuses an operator without a uid
    flink.set(PipelineOptions.AUTO_GENERATE_UIDS, false);
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(4, flink);
    MurmurationJob.addTo(
        env, configs().with("job.parallelism", "3").with("training.parallelism", "2").config());
    graph = env.getStreamGraph();
  }

  private JobConfigs configs() {
    return JobConfigs.in(directory).with("job.checkpoint-directory", "file:///data/checkpoints");
  }

  /** Flink's own id of a job is always the same in application mode with high availability. */
  @Test
  void everySubmissionHasAnIdOfItsOwn_whichItsAttemptsShare() throws Exception {
    MurmurationConfig config = JobConfigs.in(directory).config();
    PrivacyBudgetOperator.Factory one =
        MurmurationJob.topology(config, ConfiguredPhases.of(config)).budget();
    PrivacyBudgetOperator.Factory other =
        MurmurationJob.topology(config, ConfiguredPhases.of(config)).budget();

    assertThat(one.submission()).isNotEqualTo(other.submission());
    // attempts are made of the graph that was submitted, which high availability keeps
    assertThat(InstantiationUtil.clone(one).submission()).isEqualTo(one.submission());
  }

  @Test
  void everyOperatorHasItsNameItsUidAndItsParallelism() {
    assertThat(graph.getStreamNodes().stream().map(Box::of))
        .containsExactlyInAnyOrder(
            new Box("Source: interactions", "interactions", 3, UNPINNED),
            new Box("decode", "decode", 3, UNPINNED),
            new Box("dead letters: Writer", "dead-letters", 3, UNPINNED),
            new Box("dead letters: Committer", "Sink Committer: dead-letters", 3, UNPINNED),
            new Box("Source: clock", "clock", 1, 1),
            new Box("privacy budget", "privacy-budget", 1, 1),
            new Box("bound & sample", "bound-and-sample", 3, 128),
            new Box("gradients", "gradients", 2, 1_024),
            new Box("train", "train", 1, 1),
            new Box("publish: Writer", "publish", 1, 1),
            new Box("publish: Committer", "Sink Committer: publish", 1, 1),
            new Box("publish: announce", "publish: announce", 1, 1),
            new Box("publish: releases topic: Writer", "publish: releases-topic", 1, 1),
            new Box(
                "publish: releases topic: Committer",
                "Sink Committer: publish: releases-topic",
                1,
                1));
  }

  @Test
  void signalsReachEverySamplerEveryWorkerAndTheTrainerByBroadcast() {
    assertThat(edges())
        .containsExactlyInAnyOrder(
            "Source: interactions FORWARD decode",
            "decode HASH bound & sample",
            "decode REBALANCE dead letters: Writer",
            "dead letters: Writer FORWARD dead letters: Committer",
            "Source: clock GLOBAL privacy budget",
            "privacy budget BROADCAST bound & sample",
            "privacy budget BROADCAST gradients",
            "privacy budget BROADCAST train",
            "bound & sample CUSTOM gradients",
            "gradients GLOBAL train",
            "train GLOBAL publish: Writer",
            "publish: Writer FORWARD publish: Committer",
            "publish: Committer FORWARD publish: announce",
            "publish: announce FORWARD publish: releases topic: Writer",
            "publish: releases topic: Writer FORWARD publish: releases topic: Committer");
  }

  @Test
  void theWebUiShowsTheDrawing() {
    assertThat(graph.getJobGraph().getVertices())
        .extracting(JobVertex::getName)
        .containsExactlyInAnyOrder(
            "Source: interactions -> decode",
            "dead letters: Writer -> dead letters: Committer",
            "Source: clock",
            "privacy budget",
            "bound & sample",
            "gradients",
            "train",
            "publish: Writer -> publish: Committer -> publish: announce"
                + " -> publish: releases topic: Writer -> publish: releases topic: Committer");
  }

  @Test
  void noRecordIsSerialisedByReflection() {
    List<TypeSerializer<?>> serializers =
        graph.getStreamNodes().stream()
            .flatMap(
                node ->
                    Stream.concat(
                        Arrays.stream(node.getTypeSerializersIn()),
                        Stream.ofNullable(node.getTypeSerializerOut())))
            .<TypeSerializer<?>>map(serializer -> serializer)
            .toList();
    assertThat(serializers)
        .hasSizeGreaterThan(10)
        .doesNotHaveAnyElementsOfTypes(KryoSerializer.class, PojoSerializer.class);
    assertThat(graph.getJobConfiguration().get(PipelineOptions.GENERIC_TYPES)).isFalse();
  }

  @Test
  void ingestAndSamplingTakeTheClustersParallelismWhereNoneIsConfigured() {
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(4);
    MurmurationJob.addTo(env, configs().config());
    assertThat(env.getStreamGraph().getStreamNodes())
        .filteredOn(node -> node.getParallelism() != 1)
        .extracting(StreamNode::getTransformationUID)
        .containsExactlyInAnyOrder(
            "interactions",
            "decode",
            "dead-letters",
            "Sink Committer: dead-letters",
            "bound-and-sample");
  }

  @Test
  void whatNeedsTheModelSharesSlots_whichAskForAWorkersRoom() {
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(4);
    MurmurationJob.addTo(
        env,
        configs()
            .with("training.slot-sharing-group", "gradients")
            .with("placement.worker-resource", "gradient-worker")
            .with("placement.worker-heap", "256 mb")
            .with("placement.worker-off-heap", "2 gb")
            .config());
    StreamGraph placed = env.getStreamGraph();

    assertThat(placed.getStreamNodes())
        .filteredOn(node -> node.getSlotSharingGroup().equals("gradients"))
        .extracting(StreamNode::getOperatorName)
        .contains("gradients", "train")
        .allMatch(name -> name.equals("gradients") || name.matches("train|publish: .*"));
    ResourceProfile worker = placed.getSlotSharingGroupResource("gradients").orElseThrow();
    assertThat(worker.getTaskHeapMemory()).isEqualTo(MemorySize.ofMebiBytes(256));
    // which would take from ingest's
    assertThat(worker.getManagedMemory()).isEqualTo(MemorySize.ZERO);
    assertThat(worker.getTaskOffHeapMemory()).isEqualTo(MemorySize.ofMebiBytes(2048));
    assertThat(worker.getExtendedResources()).containsOnlyKeys("gradient-worker");
    ResourceProfile ingest = placed.getSlotSharingGroupResource("default").orElseThrow();
    assertThat(ingest.getTaskOffHeapMemory()).isEqualTo(MemorySize.ZERO);
    assertThat(ingest.getManagedMemory()).isEqualTo(MemorySize.ofMebiBytes(512));
    assertThat(ingest.getExtendedResources()).isEmpty();
  }

  /** Flink's default of 100 ms on each edge would be most of a round beside its gradients. */
  @Test
  void whatARoundNeedsDoesNotWaitForFullerBuffers() {
    assertThat(graph.getStreamNodes())
        .filteredOn(node -> node.getBufferTimeout() >= 0 && node.getBufferTimeout() < 100)
        .extracting(node -> node.getOperatorName() + " " + node.getBufferTimeout())
        .containsExactlyInAnyOrder(
            "Source: clock 0", "privacy budget 0", "bound & sample 5", "gradients 0", "train 0");
  }

  @Test
  void withoutPlacementSlotsAskForNothing() {
    assertThat(graph.getSlotSharingGroupResource("default")).isEmpty();
  }

  private List<String> edges() {
    return graph.getStreamNodes().stream()
        .flatMap(node -> node.getOutEdges().stream())
        .map(this::described)
        .toList();
  }

  private String described(StreamEdge edge) {
    return "%s %s %s"
        .formatted(
            graph.getStreamNode(edge.getSourceId()).getOperatorName(),
            edge.getPartitioner(),
            graph.getStreamNode(edge.getTargetId()).getOperatorName());
  }
}
