package io.clawterm.edge;

import akka.Done;
import akka.NotUsed;
import akka.actor.typed.ActorSystem;
import akka.io.Inet;
import akka.io.TcpSO;
import akka.stream.KillSwitches;
import akka.stream.Materializer;
import akka.stream.TLSClosing;
import akka.stream.TLSProtocol.SendBytes;
import akka.stream.TLSProtocol.SessionBytes;
import akka.stream.TLSProtocol.SslTlsInbound;
import akka.stream.TLSProtocol.SslTlsOutbound;
import akka.stream.UniqueKillSwitch;
import akka.stream.javadsl.BidiFlow;
import akka.stream.javadsl.Flow;
import akka.stream.javadsl.Keep;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.Source;
import akka.stream.javadsl.TLS;
import akka.stream.javadsl.Tcp;
import akka.util.ByteString;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/** A listener for TCP, plain or with TLS 1.3. */
public final class TcpEdge {

  private final Tcp.ServerBinding binding;

  private TcpEdge(Tcp.ServerBinding binding) {
    this.binding = binding;
  }

  /**
   * Listens without TLS: for loopback addresses, or where the operator says so.
   *
   * @param port 0 picks one
   */
  public static CompletionStage<TcpEdge> bind(
      ActorSystem<?> system, Edge edge, String host, int port) {
    return listen(system, edge, host, port, Peer.Transport.TCP, stage -> stage);
  }

  /**
   * Listens with TLS 1.3.
   *
   * @param port 0 picks one
   */
  public static CompletionStage<TcpEdge> bindTls(
      ActorSystem<?> system, Edge edge, String host, int port, TlsContext tls) {
    if (edge.settings().clientCertificates() != EdgeSettings.ClientCertificates.NONE
        && !tls.trustsClients()) {
      return CompletableFuture.failedFuture(
          new IllegalArgumentException(
              "clawterm.edge.tls.client-certificates asks for certificates, but none are trusted"));
    }
    return listen(
        system, edge, host, port, Peer.Transport.TLS, stage -> encrypted(stage, edge, tls));
  }

  /**
   * TLS around a connection. Its orderly end waits for the other side's, and so would the end of a
   * handshake that never was: who does not end its own within {@code linger} is cut off.
   */
  private static Flow<ByteString, ByteString, NotUsed> encrypted(
      Flow<ByteString, ByteString, NotUsed> stage, Edge edge, TlsContext tls) {
    BidiFlow<ByteString, SslTlsOutbound, SslTlsInbound, ByteString, NotUsed> plain =
        BidiFlow.fromFlows(
            Flow.of(ByteString.class).map(SendBytes::new),
            Flow.of(SslTlsInbound.class).collectType(SessionBytes.class).map(SessionBytes::bytes));
    BidiFlow<SslTlsOutbound, ByteString, ByteString, SslTlsInbound, NotUsed> cipher =
        TLS.create(
            () -> tls.engine(edge.settings().clientCertificates()),
            session -> {},
            TLSClosing.eagerClose());
    BidiFlow<ByteString, ByteString, ByteString, ByteString, UniqueKillSwitch> cut =
        BidiFlow.fromGraph(KillSwitches.singleBidi());
    return plain
        .atop(cipher)
        .atop(cut, Keep.right())
        .reversed()
        .join(stage.watchTermination(Keep.right()), Keep.both())
        .mapMaterializedValue(both -> {
          cutAfter(both.second(), edge.settings().linger(), both.first());
          return NotUsed.getInstance();
        });
  }

  private static void cutAfter(CompletionStage<Done> end, Duration linger, UniqueKillSwitch cut) {
    Executor later = CompletableFuture.delayedExecutor(linger.toMillis(), TimeUnit.MILLISECONDS);
    var unused =
        end.whenCompleteAsync((done, failure) -> cut.abort(new LingeringException()), later);
  }

  /** Tells nobody but the socket's stage, which resets the connection. */
  private static final class LingeringException extends RuntimeException {
    LingeringException() {
      super("the client does not end its side of TLS", null, false, false);
    }
  }

  /**
   * So many connections are accepted before the first of them runs; others wait in the kernel. When
   * the devices of a dead node come, thousands at once would else stand before what sessions do.
   */
  private static final int STARTING_AT_ONCE = 16;

  /** One that is gone before it runs holds nobody up for longer. */
  private static final Duration START_LIMIT = Duration.ofSeconds(1);

  private static final List<Inet.SocketOption> OPTIONS = List.of(TcpSO.tcpNoDelay(true));

  private static CompletionStage<TcpEdge> listen(
      ActorSystem<?> system,
      Edge edge,
      String host,
      int port,
      Peer.Transport transport,
      UnaryOperator<Flow<ByteString, ByteString, NotUsed>> layered) {
    // Half-close: after a refusal our side ends, and the client's bytes are still taken.
    Source<Tcp.IncomingConnection, CompletionStage<Tcp.ServerBinding>> connections =
        Tcp.get(system)
            .bind(host, port, edge.settings().tcpBacklog(), OPTIONS, true, Optional.empty());
    Materializer materializer = Materializer.matFromSystem(system);
    return connections
        .mapAsyncUnordered(
            STARTING_AT_ONCE,
            connection -> {
              var started = new CompletableFuture<Done>();
              Peer peer = Peer.of(transport, connection.remoteAddress().getAddress());
              connection.handleWith(
                  layered.apply(
                      edge.connection(
                          peer,
                          ConnectionStage.Framing.STREAM,
                          () -> started.complete(Done.getInstance()))),
                  materializer);
              return started.completeOnTimeout(
                  Done.getInstance(), START_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
            })
        .to(Sink.ignore())
        .run(materializer)
        .thenApply(TcpEdge::new);
  }

  /** Where it listens. */
  public InetSocketAddress address() {
    return binding.localAddress();
  }

  /** Takes no more connections; those that are open stay. */
  public CompletionStage<Done> unbind() {
    return binding.unbind().thenApply(done -> Done.getInstance());
  }
}
