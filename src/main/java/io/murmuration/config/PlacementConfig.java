package io.murmuration.config;

import java.io.Serializable;
import org.apache.flink.configuration.MemorySize;

/**
 * What slots ask of task managers.
 *
 * @param workerResource external resource of which a worker's slot takes one
 * @param workerHeap of a worker's slot
 * @param workerOffHeap of a worker's slot
 * @param ingestHeap of each other slot
 * @param ingestManaged of each other slot
 */
public record PlacementConfig(
    String workerResource,
    MemorySize workerHeap,
    MemorySize workerOffHeap,
    MemorySize ingestHeap,
    MemorySize ingestManaged)
    implements Serializable {

  /** Reads it; null where slots ask for nothing, or there are faults. */
  static PlacementConfig read(Faults faults) {
    faults.startPart();
    String worker = faults.optional(PlacementOptions.WORKER_RESOURCE);
    MemorySize workerHeap = faults.required(PlacementOptions.WORKER_HEAP);
    MemorySize workerOffHeap = faults.required(PlacementOptions.WORKER_OFF_HEAP);
    MemorySize ingestHeap = faults.required(PlacementOptions.INGEST_HEAP);
    MemorySize ingestManaged = faults.required(PlacementOptions.INGEST_MANAGED);
    if (worker == null) {
      return null;
    }
    String group = faults.optional(TrainingOptions.SLOT_SHARING_GROUP);
    if (TrainingOptions.SLOT_SHARING_GROUP.defaultValue().equals(group)) {
      faults.add(
          PlacementOptions.WORKER_RESOURCE,
          "needs workers in slots of their own: name a %s other than %s"
              .formatted(TrainingOptions.SLOT_SHARING_GROUP.key(), group));
    }
    return faults.build(
        () -> new PlacementConfig(worker, workerHeap, workerOffHeap, ingestHeap, ingestManaged));
  }
}
