package io.clawterm.client;

import static io.clawterm.client.TestClients.clientOf;
import static io.clawterm.client.TestClients.resultOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TlsTest {
  private static final char[] PASSWORD = "test-only".toCharArray();

  @TempDir private Path folder;
  private SSLContext context;
  private String fingerprint;

  @BeforeAll
  void makeCertificate(@TempDir Path keyFolder) throws Exception {
    KeyStore store = newCertificate(keyFolder.resolve("server.p12"));
    context = showing(store);
    fingerprint = CertificateTrust.fingerprint((X509Certificate) store.getCertificate("server"));
  }

  private static KeyStore newCertificate(Path file) throws Exception {
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "server",
                "-keyalg",
                "EC",
                "-dname",
                "CN=localhost",
                "-validity",
                "2",
                "-storetype",
                "PKCS12",
                "-keystore",
                file.toString(),
                "-storepass",
                new String(PASSWORD))
            .redirectErrorStream(true)
            .start();
    assertThat(keytool.waitFor()).isZero();
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream input = Files.newInputStream(file)) {
      store.load(input, PASSWORD);
    }
    return store;
  }

  private static SSLContext showing(KeyStore store) throws Exception {
    var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(store, PASSWORD);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    return context;
  }

  @Test
  void aPinnedFingerprintIsTrusted() throws Exception {
    try (var server = ScriptedServer.tls(context).echoing();
        ClawTermClient client = clientOf(server).trustFingerprint(fingerprint).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      assertThat(resultOf(session.send("secret"))).isEqualTo(1);
      server.cutAll();
      assertThat(resultOf(session.send("again"))).isEqualTo(2);
    }
  }

  @Test
  void anUnknownCertificateIsRefusedWithItsFingerprint() throws Exception {
    try (var server = ScriptedServer.tls(context);
        ClawTermClient client = clientOf(server).build()) {
      assertThatThrownBy(() -> resultOf(client.connect(ConnectOptions.defaults())))
          .cause()
          .isInstanceOfSatisfying(
              ClientException.UnknownCertificate.class,
              failure -> assertThat(failure.fingerprint()).isEqualTo(fingerprint));
      assertThat(server.greetings()).isEmpty();
    }
  }

  @Test
  void anotherCertificateThanThePinnedOneIsRefused() throws Exception {
    String other = "sha256:" + "0".repeat(64);
    try (var server = ScriptedServer.tls(context);
        ClawTermClient client = clientOf(server).trustFingerprint(other).build()) {
      assertThatThrownBy(() -> resultOf(client.connect(ConnectOptions.defaults())))
          .cause()
          .isInstanceOfSatisfying(
              ClientException.UnknownCertificate.class,
              failure -> assertThat(failure.expected()).contains(other));
    }
  }

  @Test
  void oneOfSeveralServersWithAnotherCertificateIsPassedOver() throws Exception {
    SSLContext another = showing(newCertificate(folder.resolve("another.p12")));
    try (var good = ScriptedServer.tls(context).echoing();
        var wrong = ScriptedServer.tls(another).echoing();
        ClawTermClient client =
            clientOf(wrong)
                .addresses(List.of(wrong.address(), good.address()))
                .trustFingerprint(fingerprint)
                .build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      assertThat(resultOf(session.send("one"))).isEqualTo(1);
      good.cutAll();
      assertThat(resultOf(session.send("two"))).isEqualTo(2);
      assertThat(wrong.greetings()).isEmpty();
    }
  }

  @Test
  void whereTheOthersAreAwayTheCertificateIsWhatIsTold() throws Exception {
    ServerAddress away;
    try (var gone = ScriptedServer.tls(context)) {
      away = gone.address();
    }
    try (var wrong = ScriptedServer.tls(context);
        ClawTermClient client =
            clientOf(wrong)
                .addresses(List.of(wrong.address(), away))
                .patience(Duration.ofMillis(500))
                .build()) {
      assertThatThrownBy(() -> resultOf(client.connect(ConnectOptions.defaults())))
          .hasCauseInstanceOf(ClientException.UnknownCertificate.class);
    }
  }

  @Test
  void aFingerprintThatWasGivenOnceIsRememberedOnceTheServerHasShownIt() throws Exception {
    Path known = folder.resolve("given");
    Files.writeString(
        known, "example.org:1 sha256:" + "2".repeat(64) + "\n", StandardCharsets.UTF_8);
    try (var server = ScriptedServer.tls(context)) {
      String host = server.address().toString().substring("tls://".length());
      try (ClawTermClient wrong =
          clientOf(server)
              .knownServers(known)
              .trustFingerprint("sha256:" + "0".repeat(64))
              .build()) {
        assertThatThrownBy(() -> resultOf(wrong.connect(ConnectOptions.defaults())))
            .hasCauseInstanceOf(ClientException.UnknownCertificate.class);
      }
      assertThat(Files.readAllLines(known)).hasSize(1);
      try (ClawTermClient given =
          clientOf(server).knownServers(known).trustFingerprint(fingerprint).build()) {
        resultOf(given.connect(ConnectOptions.defaults()));
      }
      assertThat(Files.readAllLines(known)).hasSize(2).contains(host + " " + fingerprint);

      try (ClawTermClient later = clientOf(server).knownServers(known).build()) {
        assertThat(resultOf(later.connect(ConnectOptions.defaults()))).isNotNull();
      }
    }
  }

  @Test
  void theFirstUseIsRememberedWhereAskedAndAChangeIsRefused() throws Exception {
    Path known = folder.resolve("known-servers");
    try (var server = ScriptedServer.tls(context)) {
      try (ClawTermClient client =
          clientOf(server).knownServers(known).trustOnFirstUse(true).build()) {
        resultOf(client.connect(ConnectOptions.defaults()));
      }
      String line = Files.readString(known);
      assertThat(line).contains(fingerprint);
      Files.writeString(known, line.replace(fingerprint, "sha256:" + "1".repeat(64)));

      try (ClawTermClient client =
          clientOf(server).knownServers(known).trustOnFirstUse(true).build()) {
        assertThatThrownBy(() -> resultOf(client.connect(ConnectOptions.defaults())))
            .hasCauseInstanceOf(ClientException.UnknownCertificate.class);
      }
    }
  }
}
