package io.murmuration.chaos;

import java.util.Optional;

/**
 * A job and where it was restored from.
 *
 * @param name for the log
 * @param jobId Flink's
 * @param restoredFrom path of a checkpoint or savepoint; empty for a start without state
 */
record Lineage(String name, String jobId, Optional<String> restoredFrom) {}
