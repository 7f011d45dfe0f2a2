package io.clawterm.model;

import akka.NotUsed;
import akka.actor.ActorSystem;
import akka.actor.ClassicActorSystemProvider;
import akka.http.javadsl.ClientTransport;
import akka.http.javadsl.Http;
import akka.http.javadsl.OutgoingConnection;
import akka.http.javadsl.model.HttpRequest;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.settings.ClientConnectionSettings;
import akka.stream.Attributes;
import akka.stream.KillSwitches;
import akka.stream.SharedKillSwitch;
import akka.stream.javadsl.Flow;
import akka.stream.javadsl.Keep;
import akka.stream.javadsl.Source;
import akka.util.ByteString;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import scala.concurrent.duration.FiniteDuration;

/**
 * A connection to a provider for one request.
 *
 * <p>It is none of a pool's: a pool goes on to wait for the head of a response that nobody wants
 * any more, and a hundred slow answers would queue for its few places. One handshake more costs
 * little against the seconds that an answer takes.
 *
 * <p>Its end is the end of the TCP connection, in every phase. Akka HTTP alone sees to that only
 * after the head of the response: cancelled before it, the connection stays open until the provider
 * answers. Hence the switch below HTTP.
 */
final class ProviderConnection {

  private final SharedKillSwitch end = KillSwitches.shared("provider-connection");
  private volatile boolean established;
  private volatile boolean endedByProvider;

  /**
   * What is made of the response to the request. When that ends, for whatever reason, so does the
   * connection.
   */
  <T> Source<T, NotUsed> send(
      ClassicActorSystemProvider system,
      Endpoint endpoint,
      Duration connectTimeout,
      Duration firstByteTimeout,
      HttpRequest request,
      Function<HttpResponse, Source<T, ?>> read) {
    return Source.single(request)
        .via(http(system, endpoint, connectTimeout))
        // The response's body outlives this; without it, the body's end would race with its data.
        .take(1)
        .initialTimeout(firstByteTimeout)
        .flatMapConcat(read::apply)
        .watchTermination((used, terminated) -> {
          terminated.whenComplete((done, failure) -> end.shutdown());
          return NotUsed.getInstance();
        })
        // Akka would log each failure as an error; whoever gets the failure knows better.
        .addAttributes(
            Attributes.createLogLevels(
                Attributes.logLevelOff(), Attributes.logLevelOff(), Attributes.logLevelOff()));
  }

  /** Whether the TCP connection ever stood. */
  boolean isEstablished() {
    return established;
  }

  /** Whether the other side has ended it. */
  boolean isEndedByProvider() {
    return endedByProvider;
  }

  private Flow<HttpRequest, HttpResponse, ?> http(
      ClassicActorSystemProvider system, Endpoint endpoint, Duration connectTimeout) {
    var builder =
        Http.get(system)
            .connectionTo(endpoint.host())
            .toPort(endpoint.port())
            .withClientConnectionSettings(
                ClientConnectionSettings.create(system.classicSystem())
                    .withConnectingTimeout(FiniteDuration.fromNanos(connectTimeout.toNanos()))
                    // The phases have time-outs of their own; this one would count pauses twice.
                    .withIdleTimeout(scala.concurrent.duration.Duration.Inf())
                    .withTransport(new Transport()));
    return endpoint.tls() ? builder.https() : builder.http();
  }

  /** TCP with the switch in both directions. */
  private final class Transport extends ClientTransport {

    @Override
    public Flow<ByteString, ByteString, CompletionStage<OutgoingConnection>> connectTo(
        String host, int port, ClientConnectionSettings settings, ActorSystem system) {
      return Flow.of(ByteString.class)
          .via(end.flow())
          // TCP pulls when it stands. What it materializes says so too, but later, on a thread of
          // its own, and may lose the race against the end of the connection.
          .map(this::passed)
          .viaMat(ClientTransport.TCP().connectTo(host, port, settings, system), Keep.right())
          .concatLazy(Source.lazySource(this::ended))
          .via(end.flow());
    }

    private ByteString passed(ByteString bytes) {
      established = true;
      return bytes;
    }

    private Source<ByteString, NotUsed> ended() {
      endedByProvider = true;
      return Source.empty();
    }
  }
}
