package io.murmuration.cli;

import java.time.Duration;
import org.apache.flink.util.TimeUtils;
import picocli.CommandLine.ITypeConverter;

/** Reads durations as Flink's configuration does: {@code 250ms}, {@code 2 s}, {@code 10 min}. */
final class DurationConverter implements ITypeConverter<Duration> {

  @Override
  public Duration convert(String value) {
    return TimeUtils.parseDuration(value);
  }
}
