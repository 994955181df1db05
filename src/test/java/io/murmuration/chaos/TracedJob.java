package io.murmuration.chaos;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.job.MurmurationJob;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** The job, and a trace of its samples: {@code TracedJob DIRECTORY --set key=value ...}. */
public final class TracedJob {

  private TracedJob() {}

  public static void main(String[] args) throws Exception {
    Map<String, String> settings = new HashMap<>();
    for (int i = 1; i < args.length; i += 2) {
      String[] assignment = args[i + 1].split("=", 2);
      settings.put(assignment[0], assignment[1]);
    }
    MurmurationConfig config = MurmurationConfig.of(settings);
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    SampleTrace.addTo(MurmurationJob.addTo(env, config), Path.of(args[0]));
    env.execute("murmuration " + config.privacy().domain() + ", traced");
  }
}
