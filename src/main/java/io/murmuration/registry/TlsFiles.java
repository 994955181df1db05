package io.murmuration.registry;

import io.murmuration.registry.RegistryEndpoint.KeyFile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** TLS from files of keys and certificates. */
final class TlsFiles {

  private static final String PEM_MARK = "-----BEGIN";

  private TlsFiles() {}

  /**
   * A context that trusts and shows what files hold.
   *
   * @param trust null for the JVM's own trust
   * @param identity null for none
   * @throws IOException naming the file that cannot be read
   */
  static SSLContext context(KeyFile trust, KeyFile identity) throws IOException {
    try {
      TrustManagerFactory trusted =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trusted.init(trust == null ? null : store(trust));
      KeyManagerFactory keys = null;
      if (identity != null) {
        keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store(identity), password(identity));
      }
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(
          keys == null ? null : keys.getKeyManagers(),
          trusted.getTrustManagers(),
          /* random= */ null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IOException(
          "TLS cannot be set up with trust %s and key %s: %s"
              .formatted(trust, identity, e.getMessage()),
          e);
    }
  }

  private static KeyStore store(KeyFile file) throws IOException {
    Path path = Path.of(file.file());
    try {
      byte[] bytes = Files.readAllBytes(path);
      return isPem(bytes)
          ? certificates(bytes)
          : KeyStore.getInstance(path.toFile(), password(file));
    } catch (IOException | GeneralSecurityException e) {
      throw new IOException(
          "the key store %s cannot be read: %s: %s"
              .formatted(path, e.getClass().getSimpleName(), e.getMessage()),
          e);
    }
  }

  private static boolean isPem(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1).contains(PEM_MARK);
  }

  private static KeyStore certificates(byte[] pem) throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(/* stream= */ null, /* password= */ null);
    int number = 0;
    for (Certificate certificate :
        CertificateFactory.getInstance("X.509")
            .generateCertificates(new ByteArrayInputStream(pem))) {
      store.setCertificateEntry("certificate-" + number++, certificate);
    }
    return store;
  }

  private static char[] password(KeyFile file) {
    return file.password() == null ? null : file.password().toCharArray();
  }
}
