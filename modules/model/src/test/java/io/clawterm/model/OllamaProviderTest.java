package io.clawterm.model;

import static org.assertj.core.api.Assertions.assertThat;

import akka.stream.javadsl.Sink;
import io.clawterm.telemetry.Tracing;
import io.clawterm.testkit.Script;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class OllamaProviderTest extends ModelProviderContract {

  @Override
  ModelProvider provider(int port, ModelSettings settings, Tracing tracing) {
    return new OllamaProvider(KIT.system(), settings, "127.0.0.1:" + port, tracing);
  }

  @Override
  String keyOfServer() {
    return "";
  }

  @Test
  void anAnswerGoesOnFromItsBeginning() throws Exception {
    server.always(Script.counted(5));
    ModelProvider provider = provider(server.port(), settings());
    var request =
        new ModelRequest(
            "m", List.of(Turn.user("count"), Turn.assistant("1 2 ")), 50, Optional.empty());

    List<ModelChunk> chunks =
        provider.stream(request)
            .runWith(Sink.seq(), KIT.system())
            .toCompletableFuture()
            .get(10, TimeUnit.SECONDS);

    assertThat(provider.continuation()).isEqualTo(Continuation.PREFIX);
    assertThat(text(chunks)).isEqualTo("3 4 5");
  }
}
