package io.murmuration.config;

import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.MemorySize;

/**
 * What slots ask of task managers, so that each takes what it has room for. Only with an external
 * resource for workers; without it all slots are alike, as Flink has them.
 */
final class PlacementOptions {

  public static final ConfigOption<String> WORKER_RESOURCE =
      ConfigOptions.key("placement.worker-resource")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "Flink's external resource of which each slot of training.slot-sharing-group takes"
                  + " one: task managers that offer one of it hold one worker each, others none."
                  + " Where it is not given, slots ask for nothing.");

  public static final ConfigOption<MemorySize> WORKER_HEAP =
      ConfigOptions.key("placement.worker-heap")
          .memoryType()
          .defaultValue(MemorySize.ofMebiBytes(512))
          .withDescription("Task heap that such a slot takes of its task manager's.");

  public static final ConfigOption<MemorySize> WORKER_OFF_HEAP =
      ConfigOptions.key("placement.worker-off-heap")
          .memoryType()
          .defaultValue(MemorySize.ofMebiBytes(1024))
          .withDescription(
              "Task off-heap memory that such a slot takes: the model's weights,"
                  + " training.micro-batch-memory and some more.");

  public static final ConfigOption<MemorySize> INGEST_HEAP =
      ConfigOptions.key("placement.ingest-heap")
          .memoryType()
          .defaultValue(MemorySize.ofMebiBytes(512))
          .withDescription("Task heap that each other slot takes.");

  public static final ConfigOption<MemorySize> INGEST_MANAGED =
      ConfigOptions.key("placement.ingest-managed")
          .memoryType()
          .defaultValue(MemorySize.ofMebiBytes(512))
          .withDescription(
              "Managed memory, for RocksDB, that each other slot takes: a task manager holds as many"
                  + " as its managed memory has room for.");

  private PlacementOptions() {}
}
