package io.clawterm.testkit;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * An HTTP/1.1 request read from a socket (RFC 9112): as much of it as clients of model providers
 * send.
 *
 * @param headers by lower-case name
 */
record HttpMessage(String method, String path, Map<String, String> headers, String body) {

  private static final int MAX_LINE_BYTES = 16 << 10;
  private static final int MAX_HEADERS = 100;
  private static final int MAX_BODY_BYTES = 32 << 20;

  /** Reads one request; empty where the connection ends before it begins. */
  static Optional<HttpMessage> read(InputStream in) throws IOException {
    String first = line(in);
    if (first.isEmpty()) {
      return Optional.empty();
    }
    String[] parts = first.split(" ", -1);
    if (parts.length != 3) {
      throw new IOException("not a request line");
    }
    Map<String, String> headers = headers(in);
    byte[] body =
        headers.getOrDefault("transfer-encoding", "").equalsIgnoreCase("chunked")
            ? chunkedBody(in)
            : exactly(in, size(headers.getOrDefault("content-length", "0"), 10));
    return Optional.of(
        new HttpMessage(parts[0], parts[1], headers, new String(body, StandardCharsets.UTF_8)));
  }

  private static Map<String, String> headers(InputStream in) throws IOException {
    Map<String, String> headers = new LinkedHashMap<>();
    for (String line = line(in); !line.isEmpty(); line = line(in)) {
      int colon = line.indexOf(':');
      if (colon < 1 || headers.size() == MAX_HEADERS) {
        throw new IOException("not a header, or more than " + MAX_HEADERS);
      }
      String name = line.substring(0, colon).toLowerCase(Locale.ROOT);
      headers.merge(name, line.substring(colon + 1).strip(), (a, b) -> a + ", " + b);
    }
    return headers;
  }

  private static byte[] chunkedBody(InputStream in) throws IOException {
    var body = new ByteArrayOutputStream();
    while (true) {
      int size = size(line(in).split(";", 2)[0].strip(), 16);
      if (size > MAX_BODY_BYTES - body.size()) {
        throw new IOException("a body of more than " + MAX_BODY_BYTES + " bytes");
      }
      body.write(exactly(in, size));
      line(in);
      if (size == 0) {
        return body.toByteArray();
      }
    }
  }

  private static int size(String digits, int radix) throws IOException {
    try {
      int size = Integer.parseInt(digits, radix);
      if (size < 0 || size > MAX_BODY_BYTES) {
        throw new IOException("a body of " + size + " bytes");
      }
      return size;
    } catch (NumberFormatException e) {
      throw new IOException("not a length: " + digits, e);
    }
  }

  private static byte[] exactly(InputStream in, int size) throws IOException {
    byte[] bytes = in.readNBytes(size);
    if (bytes.length < size) {
      throw new EOFException("the body ended after " + bytes.length + " of " + size + " bytes");
    }
    return bytes;
  }

  private static String line(InputStream in) throws IOException {
    var line = new ByteArrayOutputStream();
    for (int next = in.read(); next >= 0 && next != '\n'; next = in.read()) {
      if (line.size() == MAX_LINE_BYTES) {
        throw new IOException("a line of more than " + MAX_LINE_BYTES + " bytes");
      }
      line.write(next);
    }
    return line.toString(StandardCharsets.UTF_8).stripTrailing();
  }

  Optional<String> header(String name) {
    return Optional.ofNullable(headers.get(name));
  }

  JsonNode json() throws BadRequestException {
    try {
      return Dialect.JSON.readTree(body);
    } catch (JsonProcessingException e) {
      throw new BadRequestException(400, "the body is not JSON");
    }
  }
}
