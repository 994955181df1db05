package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.File;
import java.lang.reflect.Field;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.configuration.HeartbeatManagerOptions;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.MetricOptions;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.configuration.WebOptions;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessSpec;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessUtils;
import org.apache.flink.state.rocksdb.RocksDBConfigurableOptions;
import org.apache.flink.state.rocksdb.RocksDBOptions;
import org.junit.jupiter.api.Test;

/** The configuration that the project gives to a cluster, as Flink reads it. */
class FlinkConfTest {

  private static final List<Class<?>> OPTIONS =
      List.of(
          CheckpointingOptions.class,
          CoreOptions.class,
          HeartbeatManagerOptions.class,
          JobManagerOptions.class,
          MetricOptions.class,
          PipelineOptions.class,
          RestOptions.class,
          RestartStrategyOptions.class,
          StateBackendOptions.class,
          TaskManagerOptions.class,
          WebOptions.class,
          RocksDBOptions.class,
          RocksDBConfigurableOptions.class);

  private final Configuration flink =
      GlobalConfiguration.loadConfiguration(new File("flink-conf").getAbsolutePath());

  @Test
  void everyKeyIsOneThatFlinkKnows() throws IllegalAccessException {
    Set<String> known = new TreeSet<>();
    for (Class<?> options : OPTIONS) {
      for (Field field : options.getFields()) {
        if (field.getType() == ConfigOption.class) {
          known.add(((ConfigOption<?>) field.get(null)).key());
        }
      }
    }

    assertThat(flink.keySet())
        .hasSizeGreaterThan(30)
        .allMatch(key -> known.contains(key) || key.startsWith("metrics.reporter.prom."));
  }

  @Test
  void theJobAcceptsIt() {
    assertThatCode(() -> JobSettings.check(flink, /* lifetimes= */ true))
        .doesNotThrowAnyException();
    assertThat(flink.get(CheckpointingOptions.INCREMENTAL_CHECKPOINTS)).isTrue();
    assertThat(flink.get(CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION).name())
        .isEqualTo("RETAIN_ON_CANCELLATION");
    assertThat(flink.get(StateBackendOptions.STATE_BACKEND)).isEqualTo("rocksdb");
  }

  /** What restarts may spend, the job bounds itself: see DurabilityGate. */
  @Test
  void theJobIsRestartedForAsLongAsItTakes() {
    assertThat(JobSettings.restartsEnd(flink)).isEmpty();
  }

  @Test
  void djlIsAlwaysTakenFromLib() {
    assertThat(CoreOptions.getParentFirstLoaderPatterns(flink)).contains("ai.djl.");
  }

  /** What Flink 2.3's own config.yaml has under env.java.opts.all, which ours replaces. */
  private static final List<String> EXPORTED_TO_FLINK =
      List.of(
          "java.base/sun.net.util",
          "java.rmi/sun.rmi.registry",
          "jdk.compiler/com.sun.tools.javac.api",
          "jdk.compiler/com.sun.tools.javac.file",
          "jdk.compiler/com.sun.tools.javac.parser",
          "jdk.compiler/com.sun.tools.javac.tree",
          "jdk.compiler/com.sun.tools.javac.util",
          "java.security.jgss/sun.security.krb5");

  private static final List<String> OPEN_TO_FLINK =
      List.of(
          "lang",
          "net",
          "io",
          "nio",
          "lang.reflect",
          "text",
          "time",
          "util",
          "util.concurrent",
          "util.concurrent.atomic",
          "util.concurrent.locks");

  @Test
  void theJdkStaysOpenToFlink() {
    List<String> options = List.of(flink.get(CoreOptions.FLINK_JVM_OPTIONS).split("\\s+"));

    for (String exported : EXPORTED_TO_FLINK) {
      assertThat(options).contains("--add-exports=%s=ALL-UNNAMED".formatted(exported));
    }
    for (String open : OPEN_TO_FLINK) {
      assertThat(options).contains("--add-opens=java.base/java.%s=ALL-UNNAMED".formatted(open));
    }
    assertThat(options)
        .contains("--add-opens=java.base/sun.nio.ch=ALL-UNNAMED", "-Dai.djl.offline=true");
  }

  @Test
  void aPauseIsNotTakenForADeath() {
    assertThat(flink.get(HeartbeatManagerOptions.HEARTBEAT_TIMEOUT))
        .isGreaterThanOrEqualTo(HeartbeatManagerOptions.HEARTBEAT_TIMEOUT.defaultValue());
    // what is truly dead refuses connections, and is given up much sooner
    assertThat(flink.get(HeartbeatManagerOptions.HEARTBEAT_RPC_FAILURE_THRESHOLD)).isPositive();
  }

  @Test
  void theMemoryOfATaskManagerAddsUp() {
    TaskExecutorProcessSpec process = TaskExecutorProcessUtils.processSpecFromConfig(flink);

    assertThat(process.getTaskOffHeapSize()).isEqualTo(MemorySize.parse("2g"));
    assertThat(process.getManagedMemorySize()).isGreaterThan(MemorySize.parse("1g"));
    assertThat(process.getTaskHeapSize()).isGreaterThan(MemorySize.parse("512m"));
  }
}
