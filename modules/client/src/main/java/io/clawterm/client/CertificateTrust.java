package io.clawterm.client;

import java.net.Socket;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.cert.CertificateEncodingException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.HexFormat;
import java.util.Optional;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * Whose certificate is good: the pinned one alone where one is pinned, else the one known for this
 * server, else one that the machine's trust store accepts for this host name.
 */
final class CertificateTrust extends X509ExtendedTrustManager {
  private static final String PREFIX = "sha256:";

  private final X509ExtendedTrustManager system;
  private final Optional<String> pinned;
  private final Optional<KnownServers> known;
  private final boolean trustOnFirstUse;
  private final String server;

  CertificateTrust(
      X509ExtendedTrustManager system,
      Optional<String> pinned,
      Optional<KnownServers> known,
      boolean trustOnFirstUse,
      String server) {
    this.system = system;
    this.pinned = pinned.map(CertificateTrust::normalized);
    this.known = known;
    this.trustOnFirstUse = trustOnFirstUse;
    this.server = server;
  }

  /** The certificate that was refused, on its way through JSSE's exceptions. */
  static final class Untrusted extends CertificateException {
    private final String fingerprint;
    private final @Nullable String expected;

    Untrusted(String fingerprint, @Nullable String expected, @Nullable Throwable cause) {
      super("not trusted: " + fingerprint, cause);
      this.fingerprint = fingerprint;
      this.expected = expected;
    }

    ClientException.UnknownCertificate toClientException() {
      return new ClientException.UnknownCertificate(fingerprint, expected, this);
    }
  }

  /** SHA-256 over the encoded certificate. */
  static String fingerprint(X509Certificate certificate) throws CertificateEncodingException {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded());
      return PREFIX + HexFormat.of().formatHex(hash);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("each JDK has SHA-256", e);
    }
  }

  /** Accepts upper case and colons, as other programs print fingerprints. */
  static String normalized(String fingerprint) {
    String text = fingerprint.strip().toLowerCase(java.util.Locale.ROOT);
    String digits = (text.startsWith(PREFIX) ? text.substring(PREFIX.length()) : text);
    digits = digits.replace(":", "");
    if (!digits.matches("[0-9a-f]{64}")) {
      throw new IllegalArgumentException(
          "a fingerprint is sha256: and 64 hexadecimal digits, not \"" + fingerprint + "\"");
    }
    return PREFIX + digits;
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    String fingerprint = fingerprint(chain[0]);
    Optional<String> expected =
        pinned.isPresent() ? pinned : known.flatMap(servers -> servers.fingerprint(server));
    if (expected.isPresent() && expected.get().equals(fingerprint)) {
      chain[0].checkValidity();
      if (pinned.isPresent()) {
        remember(fingerprint);
      }
      return;
    }
    if (pinned.isPresent()) {
      throw new Untrusted(fingerprint, pinned.get(), null);
    }
    try {
      system.checkServerTrusted(chain, authType, socket);
    } catch (CertificateException e) {
      if (expected.isPresent() || !trustOnFirstUse || known.isEmpty()) {
        throw new Untrusted(fingerprint, expected.orElse(null), e);
      }
      known.get().put(server, fingerprint);
    }
  }

  /** The server has shown the certificate that somebody has vouched for. */
  private void remember(String fingerprint) throws CertificateException {
    if (known.isPresent() && !known.get().fingerprint(server).equals(Optional.of(fingerprint))) {
      known.get().put(server, fingerprint);
    }
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    throw new CertificateException("this client uses sockets alone");
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    throw new CertificateException("this client uses sockets alone");
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    throw new CertificateException("this is a client");
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    throw new CertificateException("this is a client");
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    throw new CertificateException("this is a client");
  }

  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return system.getAcceptedIssuers();
  }
}
