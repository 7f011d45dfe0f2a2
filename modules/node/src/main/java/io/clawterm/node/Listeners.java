package io.clawterm.node;

import akka.actor.typed.ActorSystem;
import akka.management.javadsl.AkkaManagement;
import io.clawterm.api.ClawTerm;
import io.clawterm.cluster.ClusterSettings;
import io.clawterm.edge.Edge;
import io.clawterm.edge.TcpEdge;
import io.clawterm.edge.TlsContext;
import io.clawterm.edge.UnixEdge;
import io.clawterm.http.HealthServer;
import io.clawterm.http.HttpParts;
import io.clawterm.http.HttpServer;
import io.clawterm.http.HttpSettings;
import io.clawterm.http.HttpStartException;
import io.clawterm.http.NodeDescription;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;

/** Where a node listens: each listener is bound on its own, and closed when the node ends. */
final class Listeners {

  private final NodeSettings settings;
  private final ActorSystem<?> system;
  private final Closing closing;
  private final Optional<TlsContext> tls;

  // Read by the HTTP API while the node still starts.
  private volatile Optional<Path> unix = Optional.empty();
  private volatile Optional<InetSocketAddress> tcp = Optional.empty();
  private volatile Optional<InetSocketAddress> http = Optional.empty();
  private volatile Optional<InetSocketAddress> health = Optional.empty();

  private Listeners(
      NodeSettings settings, ActorSystem<?> system, Closing closing, Optional<TlsContext> tls) {
    this.settings = settings;
    this.system = system;
    this.closing = closing;
    this.tls = tls;
  }

  /** None yet, but the certificate is read or made. */
  static Listeners of(
      NodeSettings settings, ActorSystem<?> system, Closing closing, boolean encrypted)
      throws IOException, GeneralSecurityException {
    return new Listeners(
        settings, system, closing, encrypted ? Optional.of(tls(settings)) : Optional.empty());
  }

  private static TlsContext tls(NodeSettings settings)
      throws IOException, GeneralSecurityException {
    if (settings.tlsCertificate().isPresent()) {
      return TlsContext.load(
          settings.tlsCertificate().get(),
          settings.tlsKey().orElseThrow(),
          settings.tlsClientAuthorities());
    }
    Path data =
        settings
            .data()
            .orElseThrow(
                () -> new StartException("TLS needs tls-cert and tls-key, or a data folder"));
    return TlsContext.selfSigned(data.resolve("tls"), settings.tlsClientAuthorities());
  }

  Optional<TlsContext> tls() {
    return tls;
  }

  /** The SHA-256 of the certificate in use, where there is one. */
  Optional<String> fingerprint() {
    return tls.map(TlsContext::fingerprint);
  }

  void bindUnix(Edge edge) throws IOException {
    if (!settings.unixSocket() || settings.run().isEmpty()) {
      return;
    }
    Path path = settings.run().get().resolve("clawterm.sock");
    closing.add("unix socket", UnixEdge.bind(system, edge, path));
    unix = Optional.of(path);
  }

  void bindTcp(Edge edge) throws Exception {
    if (settings.tcpPort() < 0) {
      return;
    }
    CompletionStage<TcpEdge> binding =
        tls.isPresent()
            ? TcpEdge.bindTls(system, edge, settings.bind(), settings.tcpPort(), tls.get())
            : TcpEdge.bind(system, edge, settings.bind(), settings.tcpPort());
    TcpEdge listener;
    try {
      listener = PartTimeout.await(binding, "TCP");
    } catch (ExecutionException e) {
      throw new StartException(
          "cannot listen on "
              + settings.bind()
              + ":"
              + settings.tcpPort()
              + " (is another server running there?). Choose another port with --port",
          e);
    }
    closing.add("tcp", () -> PartTimeout.awaitEnd(system, listener.unbind(), "TCP"));
    tcp = Optional.of(listener.address());
  }

  /** For probes, whose answers go on until the other listeners are gone. */
  void bindHealth(HttpSettings block, HttpParts parts) throws Exception {
    try {
      HealthServer server =
          PartTimeout.await(HealthServer.start(system, block, parts), "the health port");
      closing.add(
          "health port", () -> PartTimeout.awaitEnd(system, server.stop(), "the health port"));
      health = Optional.of(server.address());
    } catch (ExecutionException e) {
      throw refused(e, "");
    }
  }

  void bindHttp(HttpSettings block, HttpParts parts) throws Exception {
    try {
      HttpServer server = PartTimeout.await(HttpServer.start(system, block, parts), "HTTP");
      closing.add("http", () -> PartTimeout.awaitEnd(system, server.stop(), "HTTP"));
      http = Optional.of(server.address());
    } catch (ExecutionException e) {
      throw refused(e, " Choose another port with --http");
    }
  }

  private static Exception refused(ExecutionException e, String advice) {
    return e.getCause() instanceof HttpStartException refused
        ? new StartException(refused.getMessage() + advice, e)
        : e;
  }

  /** Cluster state for operators. */
  void bindManagement() throws Exception {
    if (settings.managementPort() < 0) {
      return;
    }
    AkkaManagement management = AkkaManagement.get(system);
    try {
      PartTimeout.await(management.start(), "Akka Management");
    } catch (ExecutionException e) {
      throw new StartException(
          "cannot listen on "
              + settings.managementBind()
              + ":"
              + settings.managementPort()
              + " for Akka Management (is another node running?). Choose another port with"
              + " --management, or -1 for none",
          e);
    }
    closing.add(
        "management", () -> PartTimeout.awaitEnd(system, management.stop(), "Akka Management"));
  }

  ClawTerm.Endpoints endpoints() {
    return new ClawTerm.Endpoints(unix, tcp, http, settings.data().map(AccessToken::file));
  }

  /**
   * Where devices find the TCP listener, which may listen on all addresses; empty: there is none.
   */
  String devicesAt(ClusterSettings cluster) {
    return tcp.map(address -> cluster.devicesAt().orElseGet(() -> reachable(address, cluster)))
        .orElse("");
  }

  private static String reachable(InetSocketAddress address, ClusterSettings cluster) {
    return address.getAddress().isAnyLocalAddress()
        ? cluster.host() + ":" + address.getPort()
        : NodeFile.text(address);
  }

  /** For the HTTP API. */
  List<NodeDescription.Listener> describe() {
    List<NodeDescription.Listener> listeners = new ArrayList<>();
    boolean encrypted = tls.isPresent();
    unix.ifPresent(
        path -> listeners.add(new NodeDescription.Listener("unix", path.toString(), false)));
    tcp.ifPresent(address -> listeners.add(listener("tcp", address, encrypted)));
    http.ifPresent(address -> listeners.add(listener("http", address, encrypted)));
    health.ifPresent(address -> listeners.add(listener("health", address, false)));
    return listeners;
  }

  private static NodeDescription.Listener listener(
      String name, InetSocketAddress address, boolean encrypted) {
    return new NodeDescription.Listener(name, NodeFile.text(address), encrypted);
  }
}
