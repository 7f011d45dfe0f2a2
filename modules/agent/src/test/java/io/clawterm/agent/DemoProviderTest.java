package io.clawterm.agent;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.stream.javadsl.Sink;
import io.clawterm.model.ModelChunk;
import io.clawterm.model.ModelRequest;
import io.clawterm.model.Turn;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The script that counts. */
class DemoProviderTest {

  private static final ActorTestKit KIT = ActorTestKit.create();
  private static final String FAST = " at 10000 per second";

  private final DemoProvider demo = new DemoProvider();

  @AfterAll
  static void stop() {
    KIT.shutdownTestKit();
  }

  private List<ModelChunk> chunks(int atMost, Turn... turns) throws Exception {
    var request = new ModelRequest("count", List.of(turns), 100, Optional.empty());
    return demo.stream(request)
        .take(atMost)
        .runWith(Sink.seq(), KIT.system())
        .toCompletableFuture()
        .get(20, TimeUnit.SECONDS);
  }

  private static String text(List<ModelChunk> chunks) {
    return chunks.stream()
        .filter(ModelChunk.TextDelta.class::isInstance)
        .map(chunk -> ((ModelChunk.TextDelta) chunk).text())
        .collect(Collectors.joining());
  }

  @Test
  void itSaysThatItIsAScriptAndCounts() throws Exception {
    List<ModelChunk> chunks = chunks(1_000, Turn.user("count to 5"));

    assertThat(text(chunks)).isEqualTo(DemoProvider.LABEL + "1 2 3 4 5\n");
    assertThat(chunks.getLast()).isInstanceOf(ModelChunk.Finished.class);
  }

  @ParameterizedTest
  @CsvSource({
    "Count to 40, 40",
    "COUNT 7, 7",
    "please count up to 12 slowly, 12",
    "for 2 seconds, 20000",
    "For 1 minute, 600000",
    "for 3s, 30000",
    "hello, 100",
    "count to 0, 1",
  })
  void theLastNumberIsWhatWasAskedFor(String asked, long last) throws Exception {
    String said = DemoProvider.LABEL + "1 2 " + (last - 1) + " ";

    List<ModelChunk> chunks = chunks(10, Turn.user(asked + FAST), Turn.assistant(said));

    assertThat(text(chunks)).isEqualTo(last + "\n");
    assertThat(chunks.getLast()).isInstanceOf(ModelChunk.Finished.class);
  }

  @Test
  void itGoesOnFromAnyCutBetweenChunks() throws Exception {
    Turn asked = Turn.user("count to 45" + FAST);
    List<ModelChunk> whole = chunks(1_000, asked);

    for (int cut = 1; cut < whole.size(); cut++) {
      String said = text(whole.subList(0, cut));
      List<ModelChunk> rest = chunks(1_000, asked, Turn.assistant(said));
      assertThat(said + text(rest)).as("cut after chunk %s", cut).isEqualTo(text(whole));
    }
  }

  @Test
  void earlierAnswersDoNotCount() throws Exception {
    Turn before = Turn.assistant("1 2 3\n");

    List<ModelChunk> chunks =
        chunks(100, Turn.user("count to 3"), before, Turn.user("count to 2" + FAST));

    assertThat(text(chunks)).isEqualTo(DemoProvider.LABEL + "1 2\n");
  }

  @ParameterizedTest
  @CsvSource({
    "for 999999 hours at 99999999999 per second",
    "count to 999999999999999999999999999",
    "for 99999999999999999999 hours",
    "count to 5000000000 at 99999999999999999999999 per second",
  })
  void absurdNumbersDoNotOverflow(String asked) throws Exception {
    assertThat(text(chunks(4, Turn.user(asked)))).isEqualTo(DemoProvider.LABEL + "1 2 3 ");
  }

  @Test
  void itKeepsTheRate() throws Exception {
    long start = System.nanoTime();
    chunks(1_000, Turn.user("count to 15 at 20 per second"));

    // One at once, the others after 50 ms each; what a busy machine adds is not judged.
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(600));
  }

  @Test
  void aRateOfNothingIsOneASecond() throws Exception {
    List<ModelChunk> chunks = chunks(2, Turn.user("count to 2 at 0 per second"));

    assertThat(text(chunks)).isEqualTo(DemoProvider.LABEL + "1 ");
  }
}
