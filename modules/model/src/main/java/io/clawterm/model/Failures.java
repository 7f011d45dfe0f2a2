package io.clawterm.model;

import akka.http.javadsl.model.HttpHeader;
import akka.http.javadsl.model.HttpResponse;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.model.ModelException.Kind;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Puts what goes wrong at a provider into words and kinds. What the provider itself says is
 * untrusted: it is cut, stripped of control characters and of the key.
 *
 * @param provider the name for people, such as {@code Anthropic}
 * @param keyVariable the environment variable that the key comes from
 * @param key the key itself, or empty
 */
record Failures(String provider, String keyVariable, String key, Endpoint endpoint) {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_DETAIL_CHARS = 300;
  private static final Duration MAX_RETRY_AFTER = Duration.ofDays(1);

  @Override
  public String toString() {
    return "Failures[" + provider + "]"; // the key stays out of logs
  }

  /** The failure that a response with an error status stands for. */
  ModelException refused(HttpResponse response, String body, InstantSource clock) {
    int status = response.status().intValue();
    JsonNode error = error(body);
    Kind kind = kind(status, error.path("code").asText(""), error.path("type").asText(""));
    String detail = error.path("message").asText(error.isTextual() ? error.asText() : "");
    return of(kind, "status " + status, detail, retryAfter(response, clock), null);
  }

  /** The failure that an error event in a stream stands for. */
  ModelException reported(ErrorEventException event) {
    return of(kind(event.type()), "in its answer", event.detail(), Optional.empty(), null);
  }

  ModelException notAStream(String contentType) {
    return new ModelException(
        Kind.MALFORMED,
        provider
            + " answered with "
            + clean(contentType)
            + " and not with an event stream; is "
            + endpoint.address()
            + endpoint.path()
            + " the right address?");
  }

  ModelException malformed(MalformedAnswerException e) {
    return of(
        Kind.MALFORMED, e.getMessage() == null ? "" : e.getMessage(), "", Optional.empty(), e);
  }

  ModelException tooLong(int maxChars) {
    return of(Kind.TOO_LONG, "more than " + maxChars + " characters", "", Optional.empty(), null);
  }

  ModelException silent(Kind kind, Duration limit) {
    return of(kind, limit.toMillis() / 1000.0 + " s", "", Optional.empty(), null);
  }

  ModelException unreachable(Throwable cause) {
    return of(Kind.UNREACHABLE, endpoint.address(), "", Optional.empty(), cause);
  }

  ModelException cut(@Nullable Throwable cause) {
    return of(Kind.CUT, "", "", Optional.empty(), cause);
  }

  private ModelException of(
      Kind kind,
      String circumstance,
      String detail,
      Optional<Duration> retryAfter,
      @Nullable Throwable cause) {
    var message = new StringBuilder(provider).append(' ').append(words(kind));
    if (!circumstance.isEmpty()) {
      message.append(" (").append(circumstance).append(')');
    }
    // What is said about a refused key may show a part of it.
    if (!detail.isBlank() && kind != Kind.AUTHENTICATION) {
      message.append(": ").append(clean(detail));
    }
    return new ModelException(kind, message.toString(), retryAfter, cause);
  }

  private String words(Kind kind) {
    return switch (kind) {
      case AUTHENTICATION -> "does not accept the key in " + keyVariable;
      case QUOTA -> "has no credit left for this account";
      case RATE_LIMITED -> "asks to slow down";
      case OVERLOADED -> "cannot answer at the moment";
      case INVALID_REQUEST -> "does not accept the request";
      case CONNECT_TIMEOUT -> "could not be connected to in time";
      case FIRST_BYTE_TIMEOUT -> "did not begin to answer in time";
      case GAP_TIMEOUT -> "fell silent in the middle of its answer";
      case CUT -> "lost the connection before the end of its answer";
      case MALFORMED -> "sent an answer that is not in its format";
      case TOO_LONG -> "sent an answer beyond the limit";
      case UNREACHABLE -> "cannot be reached";
    };
  }

  private static Kind kind(int status, String code, String type) {
    if (code.equals("insufficient_quota") || type.equals("insufficient_quota")) {
      return Kind.QUOTA;
    }
    return switch (status) {
      case 401, 403 -> Kind.AUTHENTICATION;
      case 402 -> Kind.QUOTA;
      case 408 -> Kind.OVERLOADED;
      case 429 -> Kind.RATE_LIMITED;
      default -> status >= 500 ? Kind.OVERLOADED : Kind.INVALID_REQUEST;
    };
  }

  /** Errors in a stream have no status, only the provider's word for it. */
  private static Kind kind(String type) {
    return switch (type) {
      case "authentication_error", "permission_error", "invalid_api_key" -> Kind.AUTHENTICATION;
      case "billing_error", "insufficient_quota" -> Kind.QUOTA;
      case "rate_limit_error", "rate_limit_exceeded", "requests", "tokens" -> Kind.RATE_LIMITED;
      case "invalid_request_error", "not_found_error", "request_too_large" -> Kind.INVALID_REQUEST;
      default -> Kind.OVERLOADED;
    };
  }

  private static JsonNode error(String body) {
    try {
      return JSON.readTree(body).path("error");
    } catch (JsonProcessingException e) {
      return JSON.missingNode(); // A proxy's page in HTML, say: the status alone has to do.
    }
  }

  private static Optional<Duration> retryAfter(HttpResponse response, InstantSource clock) {
    return header(response, "retry-after-ms")
        .flatMap(value -> number(value).map(Duration::ofMillis))
        .or(() -> header(response, "retry-after").flatMap(value -> retryAfter(value, clock)))
        .map(wait -> wait.compareTo(MAX_RETRY_AFTER) > 0 ? MAX_RETRY_AFTER : wait);
  }

  private static Optional<String> header(HttpResponse response, String name) {
    return response.getHeader(name).map(HttpHeader::value);
  }

  private static Optional<Duration> retryAfter(String value, InstantSource clock) {
    return number(value).map(Duration::ofSeconds).or(() -> until(value, clock.instant()));
  }

  /** A number that isn't negative, without what comes after a point. */
  private static Optional<Long> number(String value) {
    return value.matches("\\d{1,9}(\\.\\d*)?")
        ? Optional.of(Long.valueOf(value.split("\\.", 2)[0]))
        : Optional.empty();
  }

  private static Optional<Duration> until(String date, Instant now) {
    try {
      Instant then = ZonedDateTime.parse(date, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      return then.isAfter(now) ? Optional.of(Duration.between(now, then)) : Optional.empty();
    } catch (DateTimeException e) {
      return Optional.empty(); // Neither form of RFC 9110, 10.2.3: as good as no header.
    }
  }

  private String clean(String detail) {
    String whole = key.isEmpty() ? detail : detail.replace(key, "***");
    String printable = whole.replaceAll("\\p{Cntrl}+", " ").strip();
    return printable.length() <= MAX_DETAIL_CHARS
        ? printable
        : printable.substring(0, MAX_DETAIL_CHARS) + "...";
  }
}
