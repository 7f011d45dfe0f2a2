package io.clawterm.load;

import io.clawterm.client.ServerAddress;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameDecoder;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A TCP port of this machine behind which a node's WebSocket is, because the client library speaks
 * TCP: one WebSocket for each connection, one message for each frame. Where one side ends or fails
 * the other one is ended as well, without a word.
 */
final class WebSocketBridge implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(WebSocketBridge.class);
  private static final String PROTOCOL = "clawterm.v1";
  private static final Duration CONNECT = Duration.ofSeconds(10);
  private static final int CHUNK_BYTES = 16_384;
  private static final int BACKLOG = 50;

  private final URI terminal;
  private final ServerSocket listener;
  private final HttpClient http;

  private WebSocketBridge(URI terminal, ServerSocket listener, HttpClient http) {
    this.terminal = terminal;
    this.listener = listener;
    this.http = http;
  }

  /**
   * A bridge on a free port.
   *
   * @param terminal the WebSocket, {@code ws://} or {@code wss://}
   * @param certificate the node's own (PEM), which is trusted then and no other
   */
  static WebSocketBridge to(URI terminal, Optional<Path> certificate) throws IOException {
    HttpClient.Builder client =
        HttpClient.newBuilder()
            .connectTimeout(CONNECT)
            .executor(Executors.newVirtualThreadPerTaskExecutor());
    if (certificate.isPresent()) {
      client.sslContext(trusting(certificate.get()));
    }
    var listener = new ServerSocket(0, BACKLOG, InetAddress.getLoopbackAddress());
    var bridge = new WebSocketBridge(terminal, listener, client.build());
    Thread.ofVirtual().name("bridge").start(bridge::accept);
    return bridge;
  }

  private static SSLContext trusting(Path certificate) throws IOException {
    try {
      var store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      var pem = new ByteArrayInputStream(Files.readAllBytes(certificate));
      store.setCertificateEntry(
          "node", CertificateFactory.getInstance("X.509").generateCertificate(pem));
      var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(store);
      var context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IOException("can't trust " + certificate, e);
    }
  }

  /** Where clients connect to. */
  ServerAddress address() {
    return ServerAddress.tcp("127.0.0.1", listener.getLocalPort());
  }

  private void accept() {
    try {
      while (!listener.isClosed()) {
        Socket socket = listener.accept();
        Thread.ofVirtual().name("bridged").start(() -> carry(socket));
      }
    } catch (IOException e) {
      if (!listener.isClosed()) {
        LOG.atError().setCause(e).log("the bridge to a WebSocket takes no more connections");
      }
    }
  }

  private void carry(Socket socket) {
    try (socket) {
      socket.setTcpNoDelay(true);
      WebSocket node =
          http.newWebSocketBuilder()
              .connectTimeout(CONNECT)
              .subprotocols(PROTOCOL)
              .buildAsync(terminal, new ToClient(socket))
              .join();
      try {
        toNode(socket.getInputStream(), node);
      } finally {
        node.abort();
      }
    } catch (IOException | CompletionException e) {
      // The node was killed, or is not there yet: the client's connection ends with it.
      LOG.atDebug().setCause(e).log("a bridged connection ended");
    }
  }

  private static void toNode(InputStream client, WebSocket node) throws IOException {
    var decoder = new FrameDecoder(Frame.MAX_PAYLOAD);
    byte[] chunk = new byte[CHUNK_BYTES];
    for (int count = client.read(chunk); count >= 0; count = client.read(chunk)) {
      decoder.feed(Arrays.copyOf(chunk, count), 0, count);
      for (Frame frame = decoder.next(); frame != null; frame = decoder.next()) {
        node.sendBinary(frame.toBuffer(), true).join();
      }
    }
  }

  /** Passes messages on as they come; they are whole frames, and TCP needs no borders. */
  private record ToClient(Socket client) implements WebSocket.Listener {

    @Override
    public @Nullable CompletionStage<?> onBinary(WebSocket node, ByteBuffer data, boolean last) {
      byte[] bytes = new byte[data.remaining()];
      data.get(bytes);
      try {
        client.getOutputStream().write(bytes);
        node.request(1);
      } catch (IOException e) {
        LOG.atDebug().setCause(e).log("a bridged client has gone");
        node.abort();
      }
      return null;
    }

    @Override
    public @Nullable CompletionStage<?> onClose(WebSocket node, int status, String reason) {
      end();
      return null;
    }

    @Override
    public void onError(WebSocket node, Throwable error) {
      LOG.atDebug().setCause(error).log("a bridged connection failed");
      end();
    }

    private void end() {
      try {
        client.close();
      } catch (IOException e) {
        LOG.atDebug().setCause(e).log("closing a bridged connection failed");
      }
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    http.shutdownNow();
  }
}
