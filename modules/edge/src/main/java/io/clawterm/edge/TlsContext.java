package io.clawterm.edge;

import io.clawterm.config.TlsIdentity;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.util.HexFormat;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;

/**
 * The server's side of TLS 1.3: its certificate and key, and which clients it trusts. Sessions are
 * resumed by the JDK's stateless tickets; early data is not offered.
 */
public final class TlsContext {

  private static final String ALPN = "clawterm/1";

  private final SSLContext context;
  private final X509Certificate certificate;
  private final boolean trustsClients;

  private TlsContext(SSLContext context, X509Certificate certificate, boolean trustsClients) {
    this.context = context;
    this.certificate = certificate;
    this.trustsClients = trustsClients;
  }

  /**
   * A context from PEM files: the certificate with its chain, and its private key in PKCS #8 (EC or
   * RSA).
   *
   * @param clientTrust certificates of which client certificates must come
   * @throws IOException if a file can't be read
   * @throws GeneralSecurityException if a file doesn't hold what it should; the message says which
   */
  public static TlsContext load(Path certificate, Path key, Optional<Path> clientTrust)
      throws IOException, GeneralSecurityException {
    TlsIdentity identity = TlsIdentity.load(certificate, key);
    TrustManager[] trust =
        clientTrust.isPresent()
            ? TlsIdentity.trusting(TlsIdentity.certificates(clientTrust.get()))
            : new TrustManager[0];
    var context = SSLContext.getInstance("TLSv1.3");
    // Without trust managers of our own the JDK's list of public authorities would let in clients
    // with any certificate of those; an empty array trusts nobody.
    context.init(identity.keyManagers(), trust, new SecureRandom());
    return new TlsContext(context, identity.certificate(), clientTrust.isPresent());
  }

  /**
   * The context of a folder, with a self-signed certificate that is made at the first start.
   *
   * @param folder takes {@code cert.pem} and {@code key.pem}, mode 0600
   */
  public static TlsContext selfSigned(Path folder, Optional<Path> clientTrust)
      throws IOException, GeneralSecurityException {
    Path certificate = folder.resolve("cert.pem");
    Path key = folder.resolve("key.pem");
    if (!Files.exists(certificate) || !Files.exists(key)) {
      make(folder, certificate, key);
    }
    return load(certificate, key, clientTrust);
  }

  /** The SHA-256 of the certificate, in the form that browsers and openssl show. */
  public String fingerprint() {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded());
      return HexFormat.ofDelimiter(":").withUpperCase().formatHex(hash);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("the certificate was encoded before", e);
    }
  }

  /** The same for other listeners of the node, such as HTTP. */
  public SSLContext sslContext() {
    return context;
  }

  /** The certificate that clients are shown. */
  public X509Certificate certificate() {
    return certificate;
  }

  SSLEngine engine(EdgeSettings.ClientCertificates clients) {
    SSLEngine engine = context.createSSLEngine();
    SSLParameters parameters = engine.getSSLParameters();
    parameters.setProtocols(new String[] {"TLSv1.3"});
    parameters.setApplicationProtocols(new String[] {ALPN});
    switch (clients) {
      case NONE -> {}
      case WANT -> parameters.setWantClientAuth(true);
      case NEED -> parameters.setNeedClientAuth(true);
    }
    engine.setSSLParameters(parameters);
    engine.setUseClientMode(false);
    return engine;
  }

  /** Whether clients can show certificates to it. */
  boolean trustsClients() {
    return trustsClients;
  }

  private static void make(Path folder, Path certificate, Path key)
      throws IOException, GeneralSecurityException {
    Files.createDirectories(folder);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    TlsIdentity made = TlsIdentity.selfSigned(names());
    // The key first: a certificate without a key would not be made again.
    write(key, made.keyPem());
    write(certificate, made.certificatePem());
  }

  private static String names() {
    String names = "dns:localhost,ip:127.0.0.1";
    try {
      String host = InetAddress.getLocalHost().getHostName();
      return host.matches("[A-Za-z][A-Za-z0-9.-]*") && !host.equals("localhost")
          ? names + ",dns:" + host
          : names;
    } catch (UnknownHostException e) {
      // A machine without a name is known by its address.
      return names;
    }
  }

  private static void write(Path file, String pem) throws IOException {
    Path temporary = file.resolveSibling(file.getFileName() + ".new");
    Files.deleteIfExists(temporary);
    Files.createFile(
        temporary,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(temporary, pem, StandardCharsets.US_ASCII);
    Files.move(
        temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }
}
