package io.clawterm.cluster;

import com.typesafe.config.Config;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** The API server of Kubernetes, as a pod reaches it with the token of its service account. */
final class KubernetesApi {

  /** Where Kubernetes puts what a pod needs. */
  static final String SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

  private static final Duration LIMIT = Duration.ofSeconds(3);

  private final HttpClient http;
  private final String server;
  private final Path token;

  private KubernetesApi(HttpClient http, String server, Path token) {
    this.http = http;
    this.server = server;
    this.token = token;
  }

  /**
   * Reads {@code api-server}, {@code token} and {@code authority}; what is empty is as Kubernetes
   * gives it to a pod.
   */
  static KubernetesApi from(Config config) throws IOException {
    String server = config.getString("api-server");
    if (server.isBlank()) {
      String host = System.getenv("KUBERNETES_SERVICE_HOST");
      if (host == null) {
        throw new IOException(
            "clawterm.cluster.lease.kubernetes.api-server is empty, and this is no pod of"
                + " Kubernetes: KUBERNETES_SERVICE_HOST is not set");
      }
      server = "https://%s:%s".formatted(host, System.getenv("KUBERNETES_SERVICE_PORT"));
    }
    requireSafe(URI.create(server));
    HttpClient.Builder http = HttpClient.newBuilder().connectTimeout(LIMIT);
    if (server.startsWith("https:")) {
      http.sslContext(trusting(file(config.getString("authority"), "ca.crt")));
    }
    return new KubernetesApi(http.build(), server, file(config.getString("token"), "token"));
  }

  private static void requireSafe(URI server) throws IOException {
    boolean loopback = "127.0.0.1".equals(server.getHost());
    if (!"https".equals(server.getScheme()) && !loopback) {
      throw new IOException(
          "clawterm.cluster.lease.kubernetes.api-server must be https://HOST:PORT: the token goes"
              + " there");
    }
  }

  private static Path file(String configured, String otherwise) {
    return configured.isBlank() ? Path.of(SERVICE_ACCOUNT, otherwise) : Path.of(configured);
  }

  private static SSLContext trusting(Path authority) throws IOException {
    try (InputStream file = Files.newInputStream(authority)) {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null);
      int number = 0;
      for (Certificate certificate :
          CertificateFactory.getInstance("X.509").generateCertificates(file)) {
        store.setCertificateEntry("authority" + number++, certificate);
      }
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(store);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IOException("the authority of the API server can't be read: " + authority, e);
    }
  }

  /** Asks, with a JSON body where it is not empty; blocks. */
  HttpResponse<String> send(String method, String path, String body) throws IOException {
    // Read anew each time: Kubernetes changes it within the hour.
    String bearer = Files.readString(token).strip();
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(server + path))
            .timeout(LIMIT)
            .header("Authorization", "Bearer " + bearer)
            .header("Content-Type", "application/json")
            .method(
                method,
                body.isEmpty()
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofString(body))
            .build();
    try {
      return http.send(request, HttpResponse.BodyHandlers.ofString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while asking the API server", e);
    }
  }
}
