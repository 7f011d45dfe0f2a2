package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;

/**
 * A certificate for 127.0.0.1 from an authority, both made with keytool, as somebody has them who
 * runs a server.
 *
 * @param chain the certificate and that of its authority (PEM)
 * @param key its private key (PEM, PKCS #8)
 * @param trustOptions with these a JVM trusts the authority
 * @param fingerprint the SHA-256 of the certificate, in hexadecimal
 */
record OwnCertificate(Path chain, Path key, String trustOptions, String fingerprint) {

  private static final String PASSWORD = "only-for-tests";

  static OwnCertificate make(Path folder) throws Exception {
    Files.createDirectories(folder);
    Path authority = folder.resolve("authority.p12");
    Path server = folder.resolve("server.p12");
    Path request = folder.resolve("request.pem");
    Path signed = folder.resolve("signed.pem");
    Path root = folder.resolve("root.pem");
    Path trusted = folder.resolve("trusted.p12");
    keytool(authority, "-genkeypair -keyalg EC -dname CN=authority -ext bc:c");
    keytool(authority, "-exportcert -rfc -file " + root);
    keytool(server, "-genkeypair -keyalg RSA -dname CN=server");
    keytool(server, "-certreq -file " + request);
    keytool(
        authority,
        "-gencert -rfc -ext san=ip:127.0.0.1 -infile " + request + " -outfile " + signed);
    keytool(trusted, "-importcert -noprompt -file " + root);
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(server)) {
      store.load(in, PASSWORD.toCharArray());
    }
    byte[] key = store.getKey("own", PASSWORD.toCharArray()).getEncoded();
    Path chain = folder.resolve("chain.pem");
    Files.writeString(chain, Files.readString(signed) + Files.readString(root));
    return new OwnCertificate(
        chain,
        Files.writeString(folder.resolve("key.pem"), pem(key)),
        "-Djavax.net.ssl.trustStore=" + trusted + " -Djavax.net.ssl.trustStorePassword=" + PASSWORD,
        sha256(signed));
  }

  private static void keytool(Path store, String arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(Arrays.asList(arguments.split(" ", -1)));
    command.addAll(List.of("-alias", "own", "-storetype", "PKCS12", "-keystore"));
    command.addAll(List.of(store.toString(), "-storepass", PASSWORD));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
  }

  private static String pem(byte[] key) {
    String body =
        Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII)).encodeToString(key);
    return "-----BEGIN PRIVATE KEY-----\n" + body + "\n-----END PRIVATE KEY-----\n";
  }

  private static String sha256(Path pem) throws Exception {
    String body = Files.readString(pem).replaceAll("-----.*-----|\\s", "");
    return HexFormat.of()
        .formatHex(MessageDigest.getInstance("SHA-256").digest(Base64.getDecoder().decode(body)));
  }
}
