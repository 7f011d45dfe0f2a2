package io.clawterm.edge;

import static akka.http.javadsl.server.Directives.complete;
import static akka.http.javadsl.server.Directives.extractMaterializer;
import static akka.http.javadsl.server.Directives.extractRequest;
import static akka.http.javadsl.server.Directives.handleWebSocketMessagesForProtocol;
import static akka.http.javadsl.server.Directives.path;

import akka.NotUsed;
import akka.http.javadsl.model.AttributeKeys;
import akka.http.javadsl.model.HttpHeader;
import akka.http.javadsl.model.HttpRequest;
import akka.http.javadsl.model.RemoteAddress;
import akka.http.javadsl.model.StatusCodes;
import akka.http.javadsl.model.ws.BinaryMessage;
import akka.http.javadsl.model.ws.Message;
import akka.http.javadsl.server.Route;
import akka.stream.Materializer;
import akka.stream.javadsl.Flow;
import akka.stream.javadsl.Sink;
import akka.util.ByteString;
import io.clawterm.protocol.Frame;
import java.net.InetAddress;
import java.net.URI;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * The WebSocket binding: {@code /terminal} with the subprotocol {@code clawterm.v1}, one frame a
 * binary message.
 *
 * <p>The HTTP server that serves the route must tell the peer's address: {@code
 * akka.http.server.remote-address-attribute = on}. Without it no peer counts as local, and all
 * share one place in the limits per address.
 */
public final class WebSocketEdge {

  private static final String PROTOCOL = "clawterm.v1";
  private static final int MAX_MESSAGE_BYTES = Frame.MAX_PAYLOAD + Frame.OVERHEAD;

  private final Edge edge;

  /** A binding to this edge. */
  public WebSocketEdge(Edge edge) {
    this.edge = edge;
  }

  /** The route {@code /terminal}. */
  public Route route() {
    return path("terminal", () -> extractRequest(this::terminal));
  }

  private Route terminal(HttpRequest request) {
    if (!originAllowed(request)) {
      // A page of another site could otherwise use what this browser is let in with.
      return complete(StatusCodes.FORBIDDEN, "this page's origin may not connect here");
    }
    return extractMaterializer(materializer ->
        handleWebSocketMessagesForProtocol(messages(peer(request), materializer), PROTOCOL));
  }

  private Flow<Message, Message, NotUsed> messages(Peer peer, Materializer materializer) {
    return Flow.<Message>create()
        .mapAsync(1, message -> bytes(message, materializer))
        .via(edge.connection(peer, ConnectionStage.Framing.MESSAGES))
        .map(BinaryMessage::create);
  }

  /** The bytes of a message; none for what is no binary message, which is no frame either. */
  private CompletionStage<ByteString> bytes(Message message, Materializer materializer) {
    if (message.isText()) {
      var unused =
          message.asTextMessage().getStreamedText().runWith(Sink.cancelled(), materializer);
      return CompletableFuture.completedFuture(ByteString.emptyByteString());
    }
    BinaryMessage binary = message.asBinaryMessage();
    if (binary.isStrict()) {
      return CompletableFuture.completedFuture(binary.getStrictData());
    }
    // One byte more than a frame can have is enough to see that it is none.
    return binary
        .getStreamedData()
        .completionTimeout(edge.settings().frameTimeout())
        .limitWeighted(MAX_MESSAGE_BYTES + 1L, part -> (long) part.size())
        .runFold(ByteString.emptyByteString(), ByteString::concat, materializer);
  }

  private Peer peer(HttpRequest request) {
    Optional<InetAddress> address =
        request.getAttribute(AttributeKeys.remoteAddress).flatMap(RemoteAddress::getAddress);
    return new Peer(Peer.Transport.WEBSOCKET, address, Optional.empty());
  }

  private boolean originAllowed(HttpRequest request) {
    Optional<String> origin = request.getHeader("Origin").map(HttpHeader::value);
    return origin.isEmpty()
        || edge.settings().allowedOrigins().contains(origin.get())
        || sameHost(origin.get(), request.getHeader("Host").map(HttpHeader::value).orElse(""));
  }

  private static boolean sameHost(String origin, String host) {
    try {
      String authority = URI.create(origin).getRawAuthority();
      return authority != null
          && authority.toLowerCase(Locale.ROOT).equals(host.toLowerCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      // No address of a page: such as "null", which sandboxed pages send.
      return false;
    }
  }
}
