package io.clawterm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EndpointTest {

  @ParameterizedTest
  @CsvSource({
    "https://api.openai.com/v1, https://api.openai.com:443, /v1",
    "https://api.openai.com/v1//, https://api.openai.com:443, /v1",
    "http://h:8080, http://h:8080, ''",
    "HTTP://[::1]:9/x/y, http://[::1]:9, /x/y",
  })
  void aBaseUrlIsRead(String url, String address, String path) {
    assertThat(Endpoint.of(url).address()).isEqualTo(address);
    assertThat(Endpoint.of(url).path()).isEqualTo(path);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "h", "file:///etc", "http://h?q", "http://h#f", "http://u@h", "http:"})
  void anythingElseIsRefused(String url) {
    assertThatThrownBy(() -> Endpoint.of(url)).isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1:11434, http://127.0.0.1:11434",
    "0.0.0.0, http://127.0.0.1:11434",
    "0.0.0.0:9, http://127.0.0.1:9",
    ":9, http://127.0.0.1:9",
    "gpu, http://gpu:11434",
    "http://gpu, http://gpu:80",
    "https://gpu, https://gpu:443",
    "[::]:9, http://127.0.0.1:9",
  })
  void ollamasHostIsReadAsOllamaReadsIt(String value, String address) {
    assertThat(Endpoint.ofOllama(value).address()).isEqualTo(address);
  }

  @Test
  void loopbackIsKnown() {
    assertThat(Endpoint.of("http://localhost:1").isLoopback()).isTrue();
    assertThat(Endpoint.of("http://[::1]:1").isLoopback()).isTrue();
    assertThat(Endpoint.of("http://localhost.evil.example").isLoopback()).isFalse();
  }
}
