package io.clawterm.node;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;

/**
 * Takes spans as an OpenTelemetry collector does: OTLP over HTTP, in Protobuf. It reads just the
 * fields that tests ask for; their numbers are those of {@code trace/v1/trace.proto}.
 */
final class SpanReceiver implements AutoCloseable {

  /** A span, and what is said of the program that it comes from. */
  record Span(
      String trace,
      String id,
      String parent,
      String name,
      Map<String, String> attributes,
      Map<String, String> resource) {}

  /** A request as it came. */
  record Request(String path, String contentType, Map<String, List<String>> headers) {}

  /** A field: the bytes of it, or a number. */
  private static final class Field {
    private final int number;
    private final byte[] bytes;
    private final long value;

    private Field(int number, byte[] bytes, long value) {
      this.number = number;
      this.bytes = bytes;
      this.value = value;
    }
  }

  final List<Request> requests = new CopyOnWriteArrayList<>();
  final List<Span> spans = new CopyOnWriteArrayList<>();
  private final HttpServer server;

  SpanReceiver() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::take);
    server.start();
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  List<Span> named(String name) {
    return spans.stream().filter(span -> span.name().equals(name)).toList();
  }

  private void take(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      requests.add(
          new Request(
              exchange.getRequestURI().getPath(),
              String.valueOf(exchange.getRequestHeaders().getFirst("Content-Type")),
              Map.copyOf(exchange.getRequestHeaders())));
      for (byte[] resourceSpans : messages(body, 1)) {
        Map<String, String> resource =
            messages(resourceSpans, 1).stream()
                .flatMap(found -> attributes(found, 1).entrySet().stream())
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
        for (byte[] scopeSpans : messages(resourceSpans, 2)) {
          messages(scopeSpans, 2).forEach(span -> spans.add(span(span, resource)));
        }
      }
      exchange.getResponseHeaders().add("Content-Type", "application/x-protobuf");
      exchange.sendResponseHeaders(200, -1);
    }
  }

  private static Span span(byte[] span, Map<String, String> resource) {
    return new Span(
        hex(span, 1), hex(span, 2), hex(span, 4), text(span, 5), attributes(span, 9), resource);
  }

  private static String hex(byte[] message, int number) {
    return messages(message, number).stream().map(HexFormat.of()::formatHex).findFirst().orElse("");
  }

  private static String text(byte[] message, int number) {
    return messages(message, number).stream()
        .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
        .findFirst()
        .orElse("");
  }

  /** Strings as they are, booleans and numbers in digits. */
  private static Map<String, String> attributes(byte[] message, int number) {
    return messages(message, number).stream()
        .collect(
            Collectors.toMap(pair -> text(pair, 1), pair -> value(messages(pair, 2).getFirst())));
  }

  private static String value(byte[] value) {
    List<Field> fields = fields(value);
    if (fields.isEmpty()) {
      return "";
    }
    Field field = fields.getFirst();
    return field.number == 1
        ? new String(field.bytes, StandardCharsets.UTF_8)
        : String.valueOf(field.value);
  }

  private static List<byte[]> messages(byte[] message, int number) {
    return fields(message).stream()
        .filter(field -> field.number == number)
        .map(field -> field.bytes)
        .toList();
  }

  private static List<Field> fields(byte[] message) {
    List<Field> fields = new ArrayList<>();
    int[] at = {0};
    while (at[0] < message.length) {
      long tag = varint(message, at);
      int number = (int) (tag >>> 3);
      switch ((int) (tag & 7)) {
        case 0 -> fields.add(new Field(number, new byte[0], varint(message, at)));
        case 1 -> at[0] += 8;
        case 2 -> {
          int length = (int) varint(message, at);
          byte[] bytes = Arrays.copyOfRange(message, at[0], at[0] + length);
          at[0] += length;
          fields.add(new Field(number, bytes, 0));
        }
        case 5 -> at[0] += 4;
        default -> throw new IllegalStateException("no wire type of Protobuf: tag " + tag);
      }
    }
    return fields;
  }

  private static long varint(byte[] message, int[] at) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte next = message[at[0]++];
      value |= (next & 0x7FL) << shift;
      if (next >= 0) {
        return value;
      }
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
