package io.clawterm.config;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyFactory;
import java.security.KeyStore;
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
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/**
 * Who a side of TLS is: a private key (PKCS #8, EC or RSA) and the certificate with its chain. Its
 * text form is PEM.
 */
public record TlsIdentity(PrivateKey key, List<X509Certificate> chain) {

  private static final long KEYTOOL_SECONDS = 60;
  private static final String ALIAS = "clawterm";
  private static final String BEGIN_KEY = "-----BEGIN PRIVATE KEY-----";
  private static final String END_KEY = "-----END PRIVATE KEY-----";

  public TlsIdentity {
    chain = List.copyOf(chain);
  }

  /** Nothing of the key may reach a log. */
  @Override
  public String toString() {
    return "TlsIdentity[" + certificate().getSubjectX500Principal() + "]";
  }

  /** The certificate that the other side is shown. */
  public X509Certificate certificate() {
    return chain.getFirst();
  }

  /**
   * Reads two PEM files.
   *
   * @throws IOException if a file can't be read
   * @throws GeneralSecurityException if a file doesn't hold what it should; the message says which
   */
  public static TlsIdentity load(Path certificate, Path key)
      throws IOException, GeneralSecurityException {
    return new TlsIdentity(
        privateKey(Files.readString(key, StandardCharsets.US_ASCII), key.toString()),
        certificates(certificate));
  }

  /**
   * Reads a text that holds the key and then the certificate.
   *
   * @param where for messages
   */
  public static TlsIdentity parse(String pem, String where) throws GeneralSecurityException {
    return new TlsIdentity(privateKey(pem, where), certificates(withoutKey(pem), where));
  }

  /**
   * Reads the certificates of a PEM file; at least one.
   *
   * @throws GeneralSecurityException if there is none
   */
  public static List<X509Certificate> certificates(Path file)
      throws IOException, GeneralSecurityException {
    return certificates(Files.readString(file, StandardCharsets.US_ASCII), file.toString());
  }

  private static String withoutKey(String pem) {
    int end = pem.indexOf(END_KEY);
    return end < 0 ? pem : pem.substring(end + END_KEY.length()).stripLeading();
  }

  private static List<X509Certificate> certificates(String pem, String where)
      throws GeneralSecurityException {
    List<X509Certificate> found;
    try {
      var bytes = new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII));
      found =
          CertificateFactory.getInstance("X.509").generateCertificates(bytes).stream()
              .map(X509Certificate.class::cast)
              .toList();
    } catch (GeneralSecurityException e) {
      throw new GeneralSecurityException(where + " holds no certificate in PEM", e);
    }
    if (found.isEmpty()) {
      throw new GeneralSecurityException(where + " holds no certificate in PEM");
    }
    return found;
  }

  private static PrivateKey privateKey(String pem, String where) throws GeneralSecurityException {
    int from = pem.indexOf(BEGIN_KEY);
    int to = pem.indexOf(END_KEY);
    if (from < 0 || to < from) {
      throw new GeneralSecurityException(
          where
              + " holds no key in PKCS #8 (\"BEGIN PRIVATE KEY\"); openssl pkcs8 -topk8 -nocrypt"
              + " converts others");
    }
    PKCS8EncodedKeySpec spec;
    try {
      spec =
          new PKCS8EncodedKeySpec(
              Base64.getMimeDecoder().decode(pem.substring(from + BEGIN_KEY.length(), to)));
    } catch (IllegalArgumentException e) {
      throw new GeneralSecurityException(where + " is damaged", e);
    }
    InvalidKeySpecException last = new InvalidKeySpecException(where + " is no EC or RSA key");
    for (String algorithm : List.of("EC", "RSA")) {
      try {
        return KeyFactory.getInstance(algorithm).generatePrivate(spec);
      } catch (InvalidKeySpecException e) {
        last.addSuppressed(e);
      }
    }
    throw last;
  }

  /**
   * Makes a self-signed one for ten years, by the JDK's own tool: the JDK has no public API for it.
   *
   * @param names as keytool takes them, such as {@code dns:localhost,ip:127.0.0.1}
   */
  public static TlsIdentity selfSigned(String names) throws IOException, GeneralSecurityException {
    Path folder = Files.createTempDirectory("clawterm-key");
    Path store = folder.resolve("new.p12");
    byte[] random = new byte[24];
    new SecureRandom().nextBytes(random);
    String password = HexFormat.of().formatHex(random);
    try {
      keytool(store, password, names);
      var keys = KeyStore.getInstance("PKCS12");
      try (var stream = Files.newInputStream(store)) {
        keys.load(stream, password.toCharArray());
      }
      Key made = keys.getKey(ALIAS, password.toCharArray());
      if (!(made instanceof PrivateKey key)) {
        throw new GeneralSecurityException("keytool has made no key");
      }
      return new TlsIdentity(key, List.of((X509Certificate) keys.getCertificate(ALIAS)));
    } finally {
      Files.deleteIfExists(store);
      Files.deleteIfExists(folder);
    }
  }

  private static void keytool(Path store, String password, String names) throws IOException {
    Path tool = Path.of(System.getProperty("java.home"), "bin", "keytool");
    if (!Files.isExecutable(tool)) {
      throw new IOException(
          tool + " is missing, so no certificate can be made; give one with its key (PEM)");
    }
    // The password goes by the environment: a command line is everybody's to read.
    var builder =
        new ProcessBuilder(
            tool.toString(),
            "-genkeypair",
            "-alias",
            ALIAS,
            "-keyalg",
            "EC",
            "-groupname",
            "secp256r1",
            "-dname",
            "CN=ClawTerm",
            "-ext",
            "san=" + names,
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

  /** The private key in PEM. */
  public String keyPem() {
    return pem("PRIVATE KEY", key.getEncoded());
  }

  /** The certificate, without the rest of its chain, in PEM. */
  public String certificatePem() throws GeneralSecurityException {
    return pem("CERTIFICATE", certificate().getEncoded());
  }

  private static String pem(String what, byte[] content) {
    String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content);
    return "-----BEGIN " + what + "-----\n" + body + "\n-----END " + what + "-----\n";
  }

  /** What shows this identity in a handshake. */
  public KeyManager[] keyManagers() throws GeneralSecurityException, IOException {
    KeyStore keys = emptyStore();
    char[] noPassword = new char[0];
    keys.setKeyEntry("key", key, noPassword, chain.toArray(new Certificate[0]));
    var managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    managers.init(keys, noPassword);
    return managers.getKeyManagers();
  }

  /** What lets in whom these certificates vouch for, and nobody else. */
  public static TrustManager[] trusting(List<X509Certificate> authorities)
      throws GeneralSecurityException, IOException {
    KeyStore store = emptyStore();
    for (int i = 0; i < authorities.size(); i++) {
      store.setCertificateEntry("trusted-" + i, authorities.get(i));
    }
    var managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    managers.init(store);
    return managers.getTrustManagers();
  }

  private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    return store;
  }
}
