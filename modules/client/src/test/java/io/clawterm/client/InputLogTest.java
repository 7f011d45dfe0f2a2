package io.clawterm.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class InputLogTest {

  @Test
  void aLongTextIsNotCutWithinACharacter() {
    for (String character : List.of("x", "é", "€", "😀")) {
      for (String lead : List.of("", "a", "ab", "abc")) {
        String text = lead + character.repeat(70_000);
        var log = new InputLog(1_000, 10_000_000);

        CompletableFuture<Long> durable = log.append(1, 0, text.getBytes(StandardCharsets.UTF_8));

        log.begin(0);
        String read =
            log.unsent(10_000_000).stream()
                .map(input -> new String(input.frame().payload(), StandardCharsets.UTF_8))
                .collect(Collectors.joining());
        assertThat(read).isEqualTo(text);
        assertThat(durable).isNotDone();
      }
    }
  }
}
