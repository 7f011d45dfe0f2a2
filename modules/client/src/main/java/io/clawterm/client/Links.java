package io.clawterm.client;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/** Opens links, all TLS ones to a server from one context, so that TLS sessions are resumed. */
final class Links {
  private static final String ALPN = "clawterm/1";

  private final Duration timeout;
  private final Optional<String> pinned;
  private final Optional<KnownServers> known;
  private final boolean trustOnFirstUse;
  private final ConcurrentHashMap<ServerAddress.Tls, SSLContext> contexts =
      new ConcurrentHashMap<>();

  Links(
      Duration timeout,
      Optional<String> pinned,
      Optional<KnownServers> known,
      boolean trustOnFirstUse) {
    this.timeout = timeout;
    this.pinned = pinned;
    this.known = known;
    this.trustOnFirstUse = trustOnFirstUse;
  }

  /**
   * Opens a link.
   *
   * @throws ClientException.UnknownCertificate where the server's certificate isn't trusted
   */
  Link open(ServerAddress address) throws IOException {
    return switch (address) {
      case ServerAddress.Unix unix -> UnixLink.open(unix.path());
      case ServerAddress.Tcp tcp -> {
        Socket socket = connected(tcp.host(), tcp.port());
        yield new SocketLink(socket, socket);
      }
      case ServerAddress.Tls tls -> secured(connected(tls.host(), tls.port()), tls);
    };
  }

  /**
   * Where the code MOVED leads from here, if this client goes there. Trust doesn't move along: TLS
   * stays TLS, plain TCP stays on loopback, and a Unix socket is its own machine's.
   */
  static Optional<ServerAddress> moved(ServerAddress from, String hostAndPort) {
    try {
      HostAndPort to = HostAndPort.parse(hostAndPort);
      return switch (from) {
        case ServerAddress.Unix unix -> Optional.empty();
        case ServerAddress.Tls tls -> Optional.of(new ServerAddress.Tls(to.host(), to.port()));
        case ServerAddress.Tcp tcp ->
            to.host().equals(tcp.host()) || isLoopback(to.host())
                ? Optional.of(new ServerAddress.Tcp(to.host(), to.port()))
                : Optional.empty();
      };
    } catch (IllegalArgumentException e) {
      // "or anywhere": an address that can't be read leads back to the one that is known.
      return Optional.empty();
    }
  }

  private static boolean isLoopback(String host) {
    return host.equals("localhost")
        || host.equals("::1")
        || (host.matches("127(\\.\\d{1,3}){3}") && isLoopbackLiteral(host));
  }

  private static boolean isLoopbackLiteral(String host) {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (IOException e) {
      return false;
    }
  }

  private Socket connected(String host, int port) throws IOException {
    var socket = new Socket();
    try {
      socket.setTcpNoDelay(true);
      socket.connect(new InetSocketAddress(host, port), (int) timeout.toMillis());
      return socket;
    } catch (IOException | RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  private Link secured(Socket transport, ServerAddress.Tls address) throws IOException {
    try {
      transport.setSoTimeout((int) timeout.toMillis());
      SSLContext context = contexts.computeIfAbsent(address, this::context);
      var socket =
          (SSLSocket)
              context
                  .getSocketFactory()
                  .createSocket(transport, address.host(), address.port(), true);
      SSLParameters parameters = socket.getSSLParameters();
      parameters.setProtocols(new String[] {"TLSv1.3"});
      parameters.setApplicationProtocols(new String[] {ALPN});
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      socket.setSSLParameters(parameters);
      socket.startHandshake();
      transport.setSoTimeout(0);
      return new SocketLink(transport, socket);
    } catch (IOException | RuntimeException e) {
      transport.close();
      CertificateTrust.Untrusted untrusted = untrusted(e);
      if (untrusted != null) {
        throw untrusted.toClientException();
      }
      throw e;
    }
  }

  private static CertificateTrust.@Nullable Untrusted untrusted(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof CertificateTrust.Untrusted untrusted) {
        return untrusted;
      }
    }
    return null;
  }

  private SSLContext context(ServerAddress.Tls address) {
    String server = address.toString().substring("tls://".length());
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      var trust = new CertificateTrust(systemTrust(), pinned, known, trustOnFirstUse, server);
      context.init(null, new TrustManager[] {trust}, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JDK has no TLS", e);
    }
  }

  private static X509ExtendedTrustManager systemTrust() throws GeneralSecurityException {
    var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init((KeyStore) null);
    for (TrustManager manager : factory.getTrustManagers()) {
      if (manager instanceof X509ExtendedTrustManager system) {
        return system;
      }
    }
    throw new GeneralSecurityException("no X.509 trust manager");
  }
}
