package io.clawterm.model;

import akka.NotUsed;
import akka.actor.ClassicActorSystemProvider;
import akka.http.javadsl.model.ContentTypes;
import akka.http.javadsl.model.HttpEntities;
import akka.http.javadsl.model.HttpHeader;
import akka.http.javadsl.model.HttpRequest;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.headers.RawHeader;
import akka.http.scaladsl.model.IllegalResponseException;
import akka.japi.pf.PFBuilder;
import akka.stream.InitialTimeoutException;
import akka.stream.javadsl.Source;
import akka.util.ByteString;
import io.clawterm.model.AnswerReader.Signal;
import io.clawterm.model.ModelChunk.Finished;
import io.clawterm.model.ModelException.Kind;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import javax.net.ssl.SSLException;

/** A request to a provider whose answer is an event stream. */
final class StreamingCall {

  private static final long MAX_ERROR_BODY_BYTES = 64 << 10;

  private final ClassicActorSystemProvider system;
  private final ModelSettings settings;
  private final Endpoint endpoint;
  private final Failures failures;
  private final List<HttpHeader> headers;
  private final ModelSpans spans;

  StreamingCall(
      ClassicActorSystemProvider system,
      ModelSettings settings,
      Endpoint endpoint,
      Failures failures,
      List<HttpHeader> headers,
      ModelSpans spans) {
    this.system = system;
    this.settings = settings;
    this.endpoint = endpoint;
    this.failures = failures;
    this.headers = List.copyOf(headers);
    this.spans = spans;
  }

  /** The chunks of the answer to a request, which is a POST of this JSON. */
  Source<ModelChunk, NotUsed> post(
      ModelRequest asked, String path, String json, Supplier<AnswerDecoder> decoders) {
    HttpRequest request =
        HttpRequest.POST(endpoint.path() + path)
            .addHeader(RawHeader.create("Accept", "text/event-stream"))
            .addHeaders(headers)
            .withEntity(HttpEntities.create(ContentTypes.APPLICATION_JSON, json));
    return spans.around(
        asked,
        traceparent -> chunks(traceparent.map(request::addHeader).orElse(request), decoders));
  }

  private Source<ModelChunk, NotUsed> chunks(
      HttpRequest request, Supplier<AnswerDecoder> decoders) {
    return Source.lazySource(() -> signals(request))
        .mapMaterializedValue(created -> NotUsed.getInstance())
        .statefulMapConcat(
            () -> new AnswerReader(decoders.get(), failures, settings.maxAnswerChars())::read)
        .takeWhile(chunk -> !(chunk instanceof Finished), true);
  }

  /** Events, and an end in any case: a failure is an end too, for the decoder to judge. */
  private Source<Signal, NotUsed> signals(HttpRequest request) {
    var connection = new ProviderConnection();
    long start = System.nanoTime();
    return connection
        .send(
            system,
            endpoint,
            settings.connectTimeout(),
            settings.firstByteTimeout(),
            request,
            this::events)
        .map(event -> (Signal) new Signal.Event(event))
        .concat(Source.single(new Signal.End(Optional.empty())))
        .recover(
            new PFBuilder<Throwable, Signal>()
                .matchAny(failure ->
                    new Signal.End(
                        Optional.of(explained(failure, connection, System.nanoTime() - start))))
                .build());
  }

  private Source<ServerSentEvent, Object> events(HttpResponse response) {
    if (response.status().intValue() != 200) {
      return refusal(response);
    }
    String type = response.entity().getContentType().mediaType().toString();
    if (!type.equals("text/event-stream")) {
      response.discardEntityBytes(system);
      return Source.<ServerSentEvent>failed(failures.notAStream(type))
          .mapMaterializedValue(used -> used);
    }
    return response
        .entity()
        .withoutSizeLimit()
        .getDataBytes()
        .via(gapTimeout(settings.gapTimeout()))
        .via(ServerSentEvents.flow(settings.maxLineBytes(), settings.maxEventBytes()));
  }

  private Source<ServerSentEvent, Object> refusal(HttpResponse response) {
    return response
        .entity()
        .withoutSizeLimit()
        .getDataBytes()
        .via(gapTimeout(settings.gapTimeout()))
        .limitWeighted(MAX_ERROR_BODY_BYTES, bytes -> (long) bytes.size())
        .fold(ByteString.emptyByteString(), (all, more) -> all.concat(more))
        // The status has said what matters; a body that is cut or endless only lacks details.
        .recover(Exception.class, ByteString::emptyByteString)
        .map(body -> {
          throw failures.refused(response, body.utf8String(), InstantSource.system());
        });
  }

  private GapTimeout gapTimeout(Duration limit) {
    return new GapTimeout(limit, () -> failures.silent(Kind.GAP_TIMEOUT, limit));
  }

  private ModelException explained(Throwable failure, ProviderConnection connection, long nanos) {
    return switch (failure) {
      case ModelException explained -> explained;
      case MalformedAnswerException malformed -> failures.malformed(malformed);
      case InitialTimeoutException silent ->
          failures.silent(Kind.FIRST_BYTE_TIMEOUT, settings.firstByteTimeout());
      case SSLException untrusted -> failures.unreachable(untrusted);
      // Half a head is no HTTP either, but that is the cut's fault.
      case IllegalResponseException illegal when !connection.isEndedByProvider() ->
          failures.malformed(new MalformedAnswerException("its response is no HTTP"));
      default -> {
        if (connection.isEstablished()) {
          yield failures.cut(failure);
        }
        // Akka says so only in the text of its exception.
        yield nanos >= settings.connectTimeout().toNanos()
            ? failures.silent(Kind.CONNECT_TIMEOUT, settings.connectTimeout())
            : failures.unreachable(failure);
      }
    };
  }
}
