package io.clawterm.model;

import static org.assertj.core.api.Assertions.assertThat;

import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.headers.RawHeader;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FailuresTest {

  private static final Instant NOW = Instant.parse("2026-11-21T08:00:00Z");
  private static final Failures FAILURES =
      new Failures("P", "P_KEY", "secret-key", Endpoint.of("https://p"));

  private static ModelException refused(String header, String value, String body) {
    HttpResponse response =
        HttpResponse.create().withStatus(429).addHeader(RawHeader.create(header, value));
    return FAILURES.refused(response, body, () -> NOW);
  }

  @ParameterizedTest
  @CsvSource({
    "retry-after, 3, 3000",
    "retry-after, 0, 0",
    "Retry-After, 2.5, 2000",
    "retry-after-ms, 1500, 1500",
    "retry-after, 999999999, 86400000",
    "retry-after, 'Sat, 21 Nov 2026 08:01:00 GMT', 60000",
  })
  void theTimeToWaitIsRead(String header, String value, long millis) {
    assertThat(refused(header, value, "").retryAfter()).contains(Duration.ofMillis(millis));
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "soon", "Sat, 21 Nov 2026 07:59:00 GMT", "99999999999999999999"})
  void aTimeThatIsNoneIsNone(String value) {
    assertThat(refused("retry-after", value, "").retryAfter()).isEmpty();
  }

  @Test
  void whatTheProviderSaysIsCutAndCleaned() {
    String detail = "secret-key\\u001b[31m" + "x".repeat(1000);

    ModelException failure = refused("a", "b", "{\"error\":{\"message\":\"" + detail + "\"}}");

    assertThat(failure.getMessage())
        .startsWith("P asks to slow down (status 429): *** [31mxxx")
        .endsWith("...")
        .hasSizeLessThan(400);
  }

  @Test
  void theKeyIsNotInItsText() {
    assertThat(FAILURES.toString()).doesNotContain("secret-key");
  }
}
