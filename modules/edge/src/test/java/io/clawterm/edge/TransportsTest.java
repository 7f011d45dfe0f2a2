package io.clawterm.edge;

import static io.clawterm.edge.TestClient.code;
import static io.clawterm.edge.TestClient.connectFrame;
import static io.clawterm.edge.TestClient.data;
import static io.clawterm.edge.TestClient.fields;
import static io.clawterm.edge.TestClient.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import akka.http.javadsl.Http;
import akka.http.javadsl.ServerBinding;
import io.clawterm.api.Principal;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import io.clawterm.session.SessionCommand;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TransportsTest {

  private static final String IMPATIENT = "first-frame-timeout = 1s, frame-timeout = 1s";

  @TempDir private Path folder;
  private EdgeFixture fixture;

  @BeforeEach
  void start() throws Exception {
    Path own = Files.createFile(folder.resolve("own"));
    fixture =
        new EdgeFixture(
            "websocket.allowed-origins = [\"https://friend.example\"]",
            new TokenAuthenticator(
                Map.of(TokenAuthenticator.hash(TestClient.TOKEN), EdgeFixture.ALICE),
                UnixEdge.localUsers(own),
                false));
  }

  @AfterEach
  void stop() {
    fixture.close();
  }

  // ---- TLS

  private TcpEdge bindTls(TlsContext context) throws Exception {
    return TcpEdge.bindTls(fixture.kit.system(), fixture.edge, "127.0.0.1", 0, context)
        .toCompletableFuture()
        .get(10, TimeUnit.SECONDS);
  }

  private static SSLContext trusting(TlsContext server) throws Exception {
    return trusting(server, new KeyManager[0]);
  }

  private static SSLContext trusting(TlsContext server, KeyManager[] own) throws Exception {
    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setCertificateEntry("server", server.certificate());
    var managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    managers.init(store);
    var context = SSLContext.getInstance("TLS");
    context.init(own, managers.getTrustManagers(), null);
    return context;
  }

  /** The certificate and key of a folder, as a client shows them. */
  private static KeyManager[] identity(Path files) throws Exception {
    String pem = Files.readString(files.resolve("key.pem")).replaceAll("-----.*-----|\\s", "");
    var spec = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem));
    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry(
        "own",
        KeyFactory.getInstance("EC").generatePrivate(spec),
        new char[0],
        new Certificate[] {TlsContext.selfSigned(files, Optional.empty()).certificate()});
    var managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    managers.init(store, new char[0]);
    return managers.getKeyManagers();
  }

  private static SSLSocket tlsSocket(SSLContext context, TcpEdge tcp, String alpn)
      throws IOException {
    SSLSocket socket =
        (SSLSocket) context.getSocketFactory().createSocket("localhost", tcp.address().getPort());
    SSLParameters parameters = socket.getSSLParameters();
    parameters.setApplicationProtocols(new String[] {alpn});
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    socket.setSSLParameters(parameters);
    return socket;
  }

  @Test
  void aSelfSignedCertificateIsMadeOnceAndServesTls13() throws Exception {
    TlsContext made = TlsContext.selfSigned(folder.resolve("tls"), Optional.empty());
    TlsContext again = TlsContext.selfSigned(folder.resolve("tls"), Optional.empty());
    TcpEdge tcp = bindTls(again);

    assertThat(again.fingerprint()).isEqualTo(made.fingerprint()).matches("([0-9A-F]{2}:){31}..");
    for (String file : List.of("tls/key.pem", "tls/cert.pem")) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve(file))))
          .isEqualTo("rw-------");
    }
    assertThat(folder.resolve("tls/new.p12")).doesNotExist();
    SSLSocket socket = tlsSocket(trusting(made), tcp, "clawterm/1");
    try (TestClient client = TestClient.of(socket)) {
      int session = client.open().sessionId();
      client.send(data(session, 1, "over TLS"));

      assertThat(text(client.receive(FrameType.DATA))).isEqualTo("over TLS");
      assertThat(socket.getSession().getProtocol()).isEqualTo("TLSv1.3");
      assertThat(socket.getApplicationProtocol()).isEqualTo("clawterm/1");
      client.send(Frame.of(session, 1, FrameType.SUSPEND, 0, Fields.none()));
      assertThat(code(client.receive(FrameType.DISCONNECT))).isEqualTo(Code.SUSPENDED);
      assertThat(client.next()).isEmpty();
    }
  }

  @Test
  void aRefusalArrivesOverTlsThoughMoreBytesWereSent() throws Exception {
    TlsContext context = TlsContext.selfSigned(folder.resolve("tls"), Optional.empty());
    TcpEdge tcp = bindTls(context);
    try (TestClient client = TestClient.of(tlsSocket(trusting(context), tcp, "clawterm/1"))) {
      client.send(new byte[300_000]);

      assertThat(code(client.receive())).isEqualTo(Code.PROTOCOL_ERROR);
    }
  }

  @Test
  void aSecondTlsConnectionResumesByTicket() throws Exception {
    TlsContext context = TlsContext.selfSigned(folder.resolve("tls"), Optional.empty());
    TcpEdge tcp = bindTls(context);
    SSLContext trusting = trusting(context);
    long created;
    SSLSocket first = tlsSocket(trusting, tcp, "clawterm/1");
    try (TestClient client = TestClient.of(first)) {
      client.open();
      SSLSession session = first.getSession();
      created = session.getCreationTime();
    }
    SSLSocket second = tlsSocket(trusting, tcp, "clawterm/1");
    try (TestClient client = TestClient.of(second)) {
      client.open();

      // The JDK gives a resumed session the time of the one that it goes on with.
      assertThat(second.getSession().getCreationTime()).isEqualTo(created);
    }
    SSLSocket stranger = tlsSocket(trusting(context), tcp, "clawterm/1");
    try (TestClient client = TestClient.of(stranger)) {
      client.open();
      assertThat(stranger.getSession().getCreationTime()).isGreaterThan(created);
    }
  }

  @Test
  void anotherProtocolOverTlsFailsInTheHandshake() throws Exception {
    TlsContext context = TlsContext.selfSigned(folder.resolve("tls"), Optional.empty());
    TcpEdge tcp = bindTls(context);
    try (SSLSocket socket = tlsSocket(trusting(context), tcp, "h2")) {
      assertThatThrownBy(socket::startHandshake).isInstanceOf(SSLHandshakeException.class);
    }
  }

  @Test
  void clientCertificatesThatNobodyTrustsAreARefusalToStart() throws Exception {
    TlsContext context = TlsContext.selfSigned(folder.resolve("tls"), Optional.empty());
    var asking =
        new Edge(
            fixture.sessions,
            EdgeFixture.TOKENS,
            EdgeFixture.settings("tls.client-certificates = need"),
            new SimpleMeterRegistry());

    assertThat(TcpEdge.bindTls(fixture.kit.system(), asking, "127.0.0.1", 0, context))
        .isCompletedExceptionally();
  }

  @Test
  void aClientWithoutACertificateIsRefusedWhereOneIsNeeded() throws Exception {
    Path files = folder.resolve("tls");
    TlsContext own = TlsContext.selfSigned(files, Optional.empty());
    TlsContext needing = TlsContext.selfSigned(files, Optional.of(files.resolve("cert.pem")));
    var asking =
        new Edge(
            fixture.sessions,
            EdgeFixture.TOKENS,
            EdgeFixture.settings("tls.client-certificates = need"),
            new SimpleMeterRegistry());
    TcpEdge tcp =
        TcpEdge.bindTls(fixture.kit.system(), asking, "127.0.0.1", 0, needing)
            .toCompletableFuture()
            .get(10, TimeUnit.SECONDS);

    try (TestClient client = TestClient.of(tlsSocket(trusting(own), tcp, "clawterm/1"))) {
      assertThatThrownBy(client::open).isInstanceOf(IOException.class);
    }
    assertThat(fixture.sessions.told).isEmpty();
  }

  @Test
  void aClientWithATrustedCertificateIsLetInAndOneWithAnotherIsNot() throws Exception {
    TlsContext.selfSigned(folder.resolve("friend"), Optional.empty());
    TlsContext.selfSigned(folder.resolve("stranger"), Optional.empty());
    TlsContext needing =
        TlsContext.selfSigned(
            folder.resolve("tls"), Optional.of(folder.resolve("friend/cert.pem")));
    var asking =
        new Edge(
            fixture.sessions,
            EdgeFixture.TOKENS,
            EdgeFixture.settings("tls.client-certificates = need"),
            new SimpleMeterRegistry());
    TcpEdge tcp =
        TcpEdge.bindTls(fixture.kit.system(), asking, "127.0.0.1", 0, needing)
            .toCompletableFuture()
            .get(10, TimeUnit.SECONDS);

    SSLContext stranger = trusting(needing, identity(folder.resolve("stranger")));
    try (TestClient client = TestClient.of(tlsSocket(stranger, tcp, "clawterm/1"))) {
      assertThatThrownBy(client::open).isInstanceOf(IOException.class);
    }
    assertThat(fixture.sessions.told).isEmpty();
    SSLContext friend = trusting(needing, identity(folder.resolve("friend")));
    try (TestClient client = TestClient.of(tlsSocket(friend, tcp, "clawterm/1"))) {
      int session = client.open().sessionId();
      client.send(data(session, 1, "let in"));

      assertThat(text(client.receive(FrameType.DATA))).isEqualTo("let in");
    }
  }

  @Test
  void anOlderTlsFailsInTheHandshake() throws Exception {
    TlsContext context = TlsContext.selfSigned(folder.resolve("tls"), Optional.empty());
    TcpEdge tcp = bindTls(context);
    try (SSLSocket socket = tlsSocket(trusting(context), tcp, "clawterm/1")) {
      socket.setEnabledProtocols(new String[] {"TLSv1.2"});
      assertThatThrownBy(socket::startHandshake).isInstanceOf(SSLHandshakeException.class);
    }
  }

  @Test
  void aFileThatHoldsNoKeyIsNamed() throws Exception {
    TlsContext.selfSigned(folder.resolve("tls"), Optional.empty());
    Path certificate = folder.resolve("tls/cert.pem");

    assertThatThrownBy(() -> TlsContext.load(certificate, certificate, Optional.empty()))
        .hasMessageContaining("cert.pem")
        .hasMessageContaining("PKCS #8");
  }

  @Test
  void whoIsSilentOrSlowInTheTlsHandshakeIsCutOffInTime() throws Exception {
    TlsContext context = TlsContext.selfSigned(folder.resolve("tls"), Optional.empty());
    try (EdgeFixture impatient = new EdgeFixture(IMPATIENT)) {
      TcpEdge tcp =
          TcpEdge.bindTls(impatient.kit.system(), impatient.edge, "127.0.0.1", 0, context)
              .toCompletableFuture()
              .get(10, TimeUnit.SECONDS);

      try (TestClient silent = TestClient.connect(tcp.address())) {
        assertEndsInTime(silent);
      }
      try (TestClient slow = TestClient.connect(tcp.address())) {
        // A record of a handshake that announces 512 bytes.
        byte[] hello = new byte[517];
        System.arraycopy(new byte[] {22, 3, 1, 2, 0, 1, 0, 1, (byte) 0xFC}, 0, hello, 0, 9);
        Thread dripping = slow.drip(hello, hello.length - 1, Duration.ofMillis(50));
        assertEndsInTime(slow);
        dripping.join();
      }
      assertThat(impatient.count("silent")).isEqualTo(2);
      await().until(() -> impatient.edge.limits().total() == 0);
    }
  }

  @Test
  void aTlsClientThatDoesNotEndItsSideIsCutOff() throws Exception {
    TlsContext context = TlsContext.selfSigned(folder.resolve("tls"), Optional.empty());
    TcpEdge tcp = bindTls(context);
    try (TestClient client = TestClient.of(tlsSocket(trusting(context), tcp, "clawterm/1"))) {
      client.send(new byte[100]);
      assertThat(code(client.receive())).isEqualTo(Code.PROTOCOL_ERROR);
      assertThat(client.next()).isEmpty();

      await()
          .atMost(Duration.ofSeconds(5))
          .untilAsserted(() -> assertThatThrownBy(() -> client.send(new byte[1])).isNotNull());
    }
  }

  /** Within the time for the first frame, give or take what a busy machine needs. */
  private static void assertEndsInTime(TestClient client) throws Exception {
    long begin = System.nanoTime();
    client.awaitEnd(); // with an alert, where there is TLS
    assertThat(Duration.ofNanos(System.nanoTime() - begin))
        .isBetween(Duration.ofMillis(800), Duration.ofSeconds(5));
  }

  // ---- Unix

  private static TestClient unixClient(Path path) throws IOException {
    SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(path));
    return new TestClient(
        channel, Channels.newInputStream(channel), Channels.newOutputStream(channel));
  }

  private static Fields.Builder withoutCredential() {
    return Fields.builder().version(1).device("laptop");
  }

  @Test
  void theUserAtAUnixSocketNeedsNoCredential() throws Exception {
    Path path = folder.resolve("clawterm.sock");
    try (UnixEdge unix = UnixEdge.bind(fixture.kit.system(), fixture.edge, path);
        TestClient client = unixClient(path)) {
      client.send(connectFrame(withoutCredential()));
      int session = client.receive(FrameType.ACCEPT).sessionId();
      client.send(data(session, 1, "over a file"));

      assertThat(unix).isNotNull();
      assertThat(text(client.receive(FrameType.DATA))).isEqualTo("over a file");
      assertThat(fixture.sessions.told(SessionCommand.Connect.class))
          .singleElement()
          .satisfies(it -> assertThat(it.principal()).isEqualTo(Principal.LOCAL));
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
          .isEqualTo("rw-------");
      client.send(Frame.of(session, 1, FrameType.SUSPEND, 0, Fields.none()));
      assertThat(code(client.receive(FrameType.DISCONNECT))).isEqualTo(Code.SUSPENDED);
      assertThat(client.next()).isEmpty();
    }
    assertThat(path).doesNotExist();
  }

  @Test
  void aRefusalReachesAUnixClientThatHasEndedItsOutput() throws Exception {
    Path path = folder.resolve("clawterm.sock");
    try (UnixEdge unix = UnixEdge.bind(fixture.kit.system(), fixture.edge, path);
        SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      assertThat(unix).isNotNull();
      channel.write(ByteBuffer.wrap(new byte[100]));
      channel.shutdownOutput();
      byte[] answer = Channels.newInputStream(channel).readAllBytes();

      assertThat(code(Frame.parse(answer, 0, answer.length, Frame.MAX_PAYLOAD)))
          .isEqualTo(Code.PROTOCOL_ERROR);
    }
  }

  @Test
  void aWrongCredentialIsNotMadeGoodByTheUnixSocket() throws Exception {
    Path path = folder.resolve("clawterm.sock");
    try (UnixEdge unix = UnixEdge.bind(fixture.kit.system(), fixture.edge, path);
        TestClient client = unixClient(path)) {
      client.send(connectFrame(withoutCredential().credential("guess")));

      assertThat(unix).isNotNull();
      assertThat(code(client.receive())).isEqualTo(Code.UNAUTHENTICATED);
    }
  }

  @Test
  void whoIsSilentOrSlowAtAUnixSocketIsCutOffInTime() throws Exception {
    Path path = folder.resolve("clawterm.sock");
    try (EdgeFixture impatient = new EdgeFixture(IMPATIENT);
        UnixEdge unix = UnixEdge.bind(impatient.kit.system(), impatient.edge, path)) {
      assertThat(unix).isNotNull();
      try (TestClient silent = unixClient(path)) {
        assertEndsInTime(silent);
      }
      try (TestClient slow = unixClient(path)) {
        byte[] connect = connectFrame(fields()).toBytes();
        Thread dripping = slow.drip(connect, connect.length - 1, Duration.ofMillis(50));
        assertEndsInTime(slow);
        dripping.join();
      }
      assertThat(impatient.count("silent")).isEqualTo(2);
      assertThat(impatient.sessions.told).isEmpty();
    }
  }

  @Test
  void anotherUserAtAUnixSocketIsNobody() {
    var strict = new TokenAuthenticator(Map.of(), Set.of(() -> "somebody"), false);
    Peer peer = Peer.of(() -> "somebody else");

    assertThat(strict.authenticate(Optional.empty(), peer)).isEmpty();
  }

  @Test
  void aDeadSocketFileIsReplacedAndALiveOneIsNot() throws Exception {
    Path path = folder.resolve("clawterm.sock");
    try (ServerSocketChannel left = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      left.bind(UnixDomainSocketAddress.of(path));
    }
    try (UnixEdge unix = UnixEdge.bind(fixture.kit.system(), fixture.edge, path)) {
      assertThat(unix).isNotNull();
      assertThatThrownBy(() -> UnixEdge.bind(fixture.kit.system(), fixture.edge, path))
          .hasMessageContaining("somebody listens");
    }
    Files.writeString(path, "a document");
    assertThatThrownBy(() -> UnixEdge.bind(fixture.kit.system(), fixture.edge, path))
        .hasMessageContaining("no socket");
    assertThat(path).hasContent("a document");
  }

  @Test
  void aPathThatIsTooLongSaysWhatToDo() {
    Path path = folder.resolve("a".repeat(120)).resolve("clawterm.sock");

    assertThatThrownBy(() -> UnixEdge.bind(fixture.kit.system(), fixture.edge, path))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("--data");
  }

  // ---- WebSocket

  private ServerBinding serve() throws Exception {
    return Http.get(fixture.kit.system())
        .newServerAt("127.0.0.1", 0)
        .bind(new WebSocketEdge(fixture.edge).route())
        .toCompletableFuture()
        .get(10, TimeUnit.SECONDS);
  }

  private static WebSocket open(ServerBinding server, BlockingQueue<Object> received, String origin)
      throws Exception {
    var listener =
        new WebSocket.Listener() {
          private final ByteArrayOutputStream parts = new ByteArrayOutputStream();

          @Override
          public @org.jspecify.annotations.Nullable CompletionStage<?> onBinary(
              WebSocket socket, ByteBuffer data, boolean last) {
            byte[] part = new byte[data.remaining()];
            data.get(part);
            parts.writeBytes(part);
            if (last) {
              received.add(Frame.parse(parts.toByteArray(), 0, parts.size(), Frame.MAX_PAYLOAD));
              parts.reset();
            }
            socket.request(1);
            return null;
          }

          @Override
          public @org.jspecify.annotations.Nullable CompletionStage<?> onClose(
              WebSocket socket, int status, String reason) {
            received.add("closed");
            return null;
          }

          @Override
          public void onError(WebSocket socket, Throwable failure) {
            received.add("closed");
          }
        };
    WebSocket.Builder builder =
        HttpClient.newHttpClient().newWebSocketBuilder().subprotocols("clawterm.v1");
    if (!origin.isEmpty()) {
      builder.header("Origin", origin);
    }
    URI uri = URI.create("ws://127.0.0.1:" + server.localAddress().getPort() + "/terminal");
    return builder.buildAsync(uri, listener).get(10, TimeUnit.SECONDS);
  }

  private static Frame frame(BlockingQueue<Object> received, FrameType type) throws Exception {
    while (true) {
      Object next = received.poll(10, TimeUnit.SECONDS);
      assertThat(next).isInstanceOf(Frame.class);
      if (next instanceof Frame frame && frame.type() == type) {
        return frame;
      }
    }
  }

  private static void send(WebSocket socket, Frame frame) throws Exception {
    socket.sendBinary(frame.toBuffer(), true).get(10, TimeUnit.SECONDS);
  }

  @Test
  void aWebSocketCarriesOneFrameAMessage() throws Exception {
    BlockingQueue<Object> received = new LinkedBlockingQueue<>();
    WebSocket socket = open(serve(), received, "");
    send(socket, connectFrame(fields()));
    int session = frame(received, FrameType.ACCEPT).sessionId();
    send(socket, data(session, 1, "one"));
    send(socket, data(session, 2, "two"));

    assertThat(socket.getSubprotocol()).isEqualTo("clawterm.v1");
    assertThat(text(frame(received, FrameType.DATA))).isEqualTo("one");
    assertThat(text(frame(received, FrameType.DATA))).isEqualTo("two");
  }

  @Test
  void textOrTwoFramesInAMessageAreProtocolErrors() throws Exception {
    ServerBinding server = serve();
    BlockingQueue<Object> received = new LinkedBlockingQueue<>();
    WebSocket socket = open(server, received, "");
    socket.sendText("hello", true).get(10, TimeUnit.SECONDS);
    assertThat(code(frame(received, FrameType.DISCONNECT))).isEqualTo(Code.PROTOCOL_ERROR);
    assertThat(received.poll(10, TimeUnit.SECONDS)).isEqualTo("closed");

    BlockingQueue<Object> second = new LinkedBlockingQueue<>();
    WebSocket other = open(server, second, "");
    byte[] connect = connectFrame(fields()).toBytes();
    ByteBuffer twice = ByteBuffer.allocate(2 * connect.length).put(connect).put(connect).flip();
    other.sendBinary(twice, true).get(10, TimeUnit.SECONDS);
    assertThat(code(frame(second, FrameType.DISCONNECT))).isEqualTo(Code.PROTOCOL_ERROR);
  }

  @Test
  void aPageOfAnotherSiteCannotConnectUnlessItIsAllowed() throws Exception {
    ServerBinding server = serve();
    BlockingQueue<Object> received = new LinkedBlockingQueue<>();
    String own = "http://127.0.0.1:" + server.localAddress().getPort();

    assertThat(open(server, received, own)).isNotNull();
    assertThat(open(server, received, "https://friend.example")).isNotNull();
    for (String origin : List.of("https://evil.example", "null", "http://127.0.0.1:1")) {
      assertThatThrownBy(() -> open(server, received, origin))
          .isInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(WebSocketHandshakeException.class);
    }
  }

  @Test
  void whoIsSilentOrSlowOnAWebSocketIsCutOffInTime() throws Exception {
    try (EdgeFixture impatient = new EdgeFixture(IMPATIENT)) {
      ServerBinding server =
          Http.get(impatient.kit.system())
              .newServerAt("127.0.0.1", 0)
              .bind(new WebSocketEdge(impatient.edge).route())
              .toCompletableFuture()
              .get(10, TimeUnit.SECONDS);
      BlockingQueue<Object> silent = new LinkedBlockingQueue<>();
      long begin = System.nanoTime();
      WebSocket socket = open(server, silent, "");
      assertThat(silent.poll(10, TimeUnit.SECONDS)).isEqualTo("closed");
      assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(5));
      assertThat(socket.isInputClosed()).isTrue();

      // The first part of a message whose end never comes, of a stranger and of somebody known.
      ByteBuffer part = connectFrame(fields()).toBuffer().limit(20);
      BlockingQueue<Object> slow = new LinkedBlockingQueue<>();
      open(server, slow, "").sendBinary(part, false).get(10, TimeUnit.SECONDS);
      assertThat(slow.poll(10, TimeUnit.SECONDS)).isEqualTo("closed");

      BlockingQueue<Object> known = new LinkedBlockingQueue<>();
      WebSocket attached = open(server, known, "");
      send(attached, connectFrame(fields()));
      int session = frame(known, FrameType.ACCEPT).sessionId();
      attached
          .sendBinary(data(session, 1, "hello").toBuffer().limit(15), false)
          .get(10, TimeUnit.SECONDS);
      assertThat(known.poll(10, TimeUnit.SECONDS)).isEqualTo("closed");
      await().until(() -> impatient.edge.limits().total() == 0);
      assertThat(impatient.sessions.told(SessionCommand.Detach.class)).hasSize(1);
    }
  }
}
