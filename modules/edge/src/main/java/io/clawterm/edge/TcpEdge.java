package io.clawterm.edge;

import akka.Done;
import akka.actor.typed.ActorSystem;
import akka.io.Inet;
import akka.io.TcpSO;
import akka.stream.Materializer;
import akka.stream.TLSClosing;
import akka.stream.javadsl.Keep;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.Source;
import akka.stream.javadsl.Tcp;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

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
    // Half-close: after a refusal our side ends, and the client's bytes are still taken.
    var connections =
        Tcp.get(system)
            .bind(host, port, edge.settings().tcpBacklog(), OPTIONS, true, Optional.empty());
    return listen(system, edge, connections, Peer.Transport.TCP);
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
    var connections =
        Tcp.get(system)
            .bindWithTls(
                host,
                port,
                () -> tls.engine(edge.settings().clientCertificates()),
                edge.settings().tcpBacklog(),
                OPTIONS,
                Optional.empty(),
                session -> Optional.empty(),
                TLSClosing.eagerClose());
    return listen(system, edge, connections, Peer.Transport.TLS);
  }

  private static final List<Inet.SocketOption> OPTIONS = List.of(TcpSO.tcpNoDelay(true));

  private static CompletionStage<TcpEdge> listen(
      ActorSystem<?> system,
      Edge edge,
      Source<Tcp.IncomingConnection, CompletionStage<Tcp.ServerBinding>> connections,
      Peer.Transport transport) {
    Materializer materializer = Materializer.matFromSystem(system);
    Sink<Tcp.IncomingConnection, CompletionStage<Done>> serve =
        Sink.foreach(connection -> {
          Peer peer = Peer.of(transport, connection.remoteAddress().getAddress());
          connection.handleWith(
              edge.connection(peer, ConnectionStage.Framing.STREAM), materializer);
        });
    return connections.toMat(serve, Keep.left()).run(materializer).thenApply(TcpEdge::new);
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
