package io.murmuration.job;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.config.PlacementConfig;
import java.util.List;
import org.apache.flink.api.common.operators.SlotSharingGroup;
import org.apache.flink.streaming.api.graph.StreamGraphGenerator;

/**
 * What slots ask of task managers where placement is configured.
 *
 * <p>Every group asks for something: a slot that says nothing takes an equal share of all that its
 * task manager has, external resources too, and so the room of a worker. Of managed memory a worker
 * takes nothing and any other slot its part, so that a task manager with room for so many of them
 * beside its worker never takes more, in whatever order slots are given out.
 */
final class SlotResources {

  /** Flink asks for some; which task manager has room is decided by the resource and memory. */
  private static final double CORES = 0.01;

  private static final double ONE = 1;

  private SlotResources() {}

  /** Groups to register; none where slots ask for nothing. */
  static List<SlotSharingGroup> of(MurmurationConfig config) {
    PlacementConfig placement = config.placement();
    if (placement == null) {
      return List.of();
    }
    return List.of(
        SlotSharingGroup.newBuilder(config.training().slotSharingGroup())
            .setCpuCores(CORES)
            .setTaskHeapMemory(placement.workerHeap())
            .setTaskOffHeapMemory(placement.workerOffHeap())
            .setExternalResource(placement.workerResource(), ONE)
            .build(),
        SlotSharingGroup.newBuilder(StreamGraphGenerator.DEFAULT_SLOT_SHARING_GROUP)
            .setCpuCores(CORES)
            .setTaskHeapMemory(placement.ingestHeap())
            .setManagedMemory(placement.ingestManaged())
            .build());
  }
}
