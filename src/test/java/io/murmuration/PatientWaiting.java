package io.murmuration;

import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Every {@code await()} waits for a minute, where Awaitility gives up after ten seconds: what comes
 * at once here may take long on a machine that does much else. A test that passes takes no longer.
 * Found by JUnit through {@code META-INF/services}.
 */
public final class PatientWaiting implements BeforeAllCallback {

  @Override
  public void beforeAll(ExtensionContext context) {
    Awaitility.setDefaultTimeout(Duration.ofMinutes(1));
  }
}
