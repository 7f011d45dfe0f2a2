package io.clawterm.edge;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/**
 * The server's side of TLS 1.3: its certificate and key, and which clients it trusts. Sessions are
 * resumed by the JDK's stateless tickets; early data is not offered.
 */
public final class TlsContext {

  private static final String ALPN = "clawterm/1";
  private static final long KEYTOOL_SECONDS = 60;

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
    List<X509Certificate> chain = certificates(certificate);
    TrustManager[] trust = clientTrust.isPresent() ? trust(clientTrust.get()) : new TrustManager[0];
    var keys = KeyStore.getInstance("PKCS12");
    keys.load(null, null);
    char[] noPassword = new char[0];
    keys.setKeyEntry("key", privateKey(key), noPassword, chain.toArray(new Certificate[0]));
    var managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    managers.init(keys, noPassword);
    var context = SSLContext.getInstance("TLSv1.3");
    // Without trust managers of our own the JDK's list of public authorities would let in clients
    // with any certificate of those; an empty array trusts nobody.
    context.init(managers.getKeyManagers(), trust, new SecureRandom());
    return new TlsContext(context, chain.getFirst(), clientTrust.isPresent());
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

  private static List<X509Certificate> certificates(Path file)
      throws IOException, GeneralSecurityException {
    var factory = CertificateFactory.getInstance("X.509");
    List<X509Certificate> found;
    try {
      found =
          factory.generateCertificates(new ByteArrayInputStream(Files.readAllBytes(file))).stream()
              .map(X509Certificate.class::cast)
              .toList();
    } catch (GeneralSecurityException e) {
      throw new GeneralSecurityException(file + " holds no certificate in PEM", e);
    }
    if (found.isEmpty()) {
      throw new GeneralSecurityException(file + " holds no certificate in PEM");
    }
    return found;
  }

  private static PrivateKey privateKey(Path file) throws IOException, GeneralSecurityException {
    String pem = Files.readString(file, StandardCharsets.US_ASCII);
    String begin = "-----BEGIN PRIVATE KEY-----";
    int from = pem.indexOf(begin);
    int to = pem.indexOf("-----END PRIVATE KEY-----");
    if (from < 0 || to < from) {
      throw new GeneralSecurityException(
          file
              + " holds no key in PKCS #8 (\"BEGIN PRIVATE KEY\"); openssl pkcs8 -topk8 -nocrypt"
              + " converts others");
    }
    PKCS8EncodedKeySpec spec;
    try {
      spec =
          new PKCS8EncodedKeySpec(
              Base64.getMimeDecoder().decode(pem.substring(from + begin.length(), to)));
    } catch (IllegalArgumentException e) {
      throw new GeneralSecurityException(file + " is damaged", e);
    }
    InvalidKeySpecException last = new InvalidKeySpecException(file + " is no EC or RSA key");
    for (String algorithm : List.of("EC", "RSA")) {
      try {
        return KeyFactory.getInstance(algorithm).generatePrivate(spec);
      } catch (InvalidKeySpecException e) {
        last.addSuppressed(e);
      }
    }
    throw last;
  }

  private static TrustManager[] trust(Path file) throws IOException, GeneralSecurityException {
    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    int count = 0;
    for (X509Certificate trusted : certificates(file)) {
      store.setCertificateEntry("client-" + count++, trusted);
    }
    var managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    managers.init(store);
    return managers.getTrustManagers();
  }

  /** Lets the JDK's own tool make the certificate: the JDK has no public API for it. */
  private static void make(Path folder, Path certificate, Path key)
      throws IOException, GeneralSecurityException {
    Files.createDirectories(folder);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    Path store = folder.resolve("new.p12");
    Files.deleteIfExists(store);
    byte[] random = new byte[24];
    new SecureRandom().nextBytes(random);
    String password = HexFormat.of().formatHex(random);
    try {
      keytool(store, password);
      var keys = KeyStore.getInstance("PKCS12");
      try (var stream = Files.newInputStream(store)) {
        keys.load(stream, password.toCharArray());
      }
      Key made = keys.getKey("clawterm", password.toCharArray());
      if (made == null) {
        throw new GeneralSecurityException("keytool has made no key");
      }
      // The key first: a certificate without a key would not be made again.
      writePem(key, "PRIVATE KEY", made.getEncoded());
      writePem(certificate, "CERTIFICATE", keys.getCertificate("clawterm").getEncoded());
    } finally {
      Files.deleteIfExists(store);
    }
  }

  private static void keytool(Path store, String password) throws IOException {
    Path tool = Path.of(System.getProperty("java.home"), "bin", "keytool");
    if (!Files.isExecutable(tool)) {
      throw new IOException(
          tool + " is missing, so no certificate can be made; give --tls-cert and --tls-key");
    }
    // The password goes by the environment: a command line is everybody's to read.
    var builder =
        new ProcessBuilder(
            tool.toString(),
            "-genkeypair",
            "-alias",
            "clawterm",
            "-keyalg",
            "EC",
            "-groupname",
            "secp256r1",
            "-dname",
            "CN=ClawTerm",
            "-ext",
            "san=" + names(),
            "-validity",
            "3650",
            "-storetype",
            "PKCS12",
            "-keystore",
            store.toString(),
            "-storepass:env",
            "CLAWTERM_STORE_PASSWORD");
    builder.environment().put("CLAWTERM_STORE_PASSWORD", password);
    builder.redirectErrorStream(true);
    Process process = builder.start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readNBytes(10_000), StandardCharsets.UTF_8);
    try {
      if (!process.waitFor(KEYTOOL_SECONDS, TimeUnit.SECONDS)) {
        throw new IOException("keytool does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while a certificate was made", e);
    } finally {
      process.destroyForcibly();
    }
    if (process.exitValue() != 0) {
      throw new IOException("keytool has failed: " + output.strip());
    }
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

  private static void writePem(Path file, String what, byte[] content) throws IOException {
    String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content);
    String pem = "-----BEGIN " + what + "-----\n" + body + "\n-----END " + what + "-----\n";
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
