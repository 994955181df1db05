package io.murmuration;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Keys and certificates of this machine for servers of tests, by the JDK's keytool. */
public final class TlsKeys {

  private TlsKeys() {}

  /**
   * A key with its own certificate for localhost, which also serves as trust store.
   *
   * @return the store, PKCS12
   */
  public static Path selfSigned(Path store, String password)
      throws IOException, InterruptedException {
    keytool(
        "-genkeypair",
        "-keyalg",
        "EC",
        "-alias",
        "server",
        "-dname",
        "CN=localhost",
        "-ext",
        "san=dns:localhost,ip:127.0.0.1",
        "-keystore",
        store.toString(),
        "-storepass",
        password);
    return store;
  }

  /** The certificate of such a store, in PEM. */
  public static Path certificate(Path store, String password, Path pem)
      throws IOException, InterruptedException {
    keytool(
        "-exportcert",
        "-rfc",
        "-alias",
        "server",
        "-keystore",
        store.toString(),
        "-storepass",
        password,
        "-file",
        pem.toString());
    return pem;
  }

  private static void keytool(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IOException("keytool failed: " + said);
    }
  }
}
