package io.clawterm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.Source;
import akka.util.ByteString;
import io.clawterm.testkit.Seeds;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletionException;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ServerSentEventsTest {

  private static final ActorTestKit KIT = ActorTestKit.create();

  private static final String STREAM =
      "\uFEFF: a comment\n\ndata: one\r\n\r\nevent: named\rdata:two\rdata: lines\r\r"
          + "data: é€😀\n\ndata\n\nid: 7\nretry: 10\nevent: lost\n\nunknown: x\ndata:  spaced\n\n"
          + "data: never ended";

  private static final List<ServerSentEvent> EVENTS =
      List.of(
          new ServerSentEvent("message", "one"),
          new ServerSentEvent("named", "two\nlines"),
          new ServerSentEvent("message", "é€😀"),
          new ServerSentEvent("message", ""),
          new ServerSentEvent("message", " spaced"));

  @AfterAll
  static void stop() {
    KIT.shutdownTestKit();
  }

  private static List<ServerSentEvent> read(List<ByteString> pieces, int maxLine, int maxEvent) {
    return Source.from(pieces)
        .via(ServerSentEvents.flow(maxLine, maxEvent))
        .runWith(Sink.seq(), KIT.system())
        .toCompletableFuture()
        .join();
  }

  private static List<ServerSentEvent> read(List<ByteString> pieces) {
    return read(pieces, 1000, 1000);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static List<ByteString> cutAt(byte[] bytes, List<Integer> borders) {
    List<ByteString> pieces = new ArrayList<>();
    int from = 0;
    for (int border : borders) {
      pieces.add(ByteString.fromArray(bytes, from, border - from));
      from = border;
    }
    pieces.add(ByteString.fromArray(bytes, from, bytes.length - from));
    return pieces;
  }

  @Test
  void eachPairOfBordersGivesTheSameEvents() {
    byte[] bytes = bytes(STREAM);
    for (int first = 0; first <= bytes.length; first++) {
      for (int second = first; second <= bytes.length; second += 5) {
        assertThat(read(cutAt(bytes, List.of(first, second))))
            .as("cut at %s and %s", first, second)
            .isEqualTo(EVENTS);
      }
    }
  }

  @Test
  void singleBytesGiveTheSameEvents() {
    List<ByteString> pieces = new ArrayList<>();
    for (byte next : bytes(STREAM)) {
      pieces.add(ByteString.fromArray(new byte[] {next}));
      pieces.add(ByteString.emptyByteString());
    }

    assertThat(read(pieces)).isEqualTo(EVENTS);
  }

  static LongStream seeds() {
    return Seeds.cases("event streams", 50);
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void generatedEventsComeOutAsTheyWentIn(long seed) {
    var random = new Random(seed);
    List<ServerSentEvent> events = new ArrayList<>();
    var stream = new StringBuilder();
    for (int i = random.nextInt(20); i >= 0; i--) {
      var event = new ServerSentEvent(word(random), word(random) + "\n" + word(random));
      events.add(event);
      String end = List.of("\n", "\r", "\r\n").get(random.nextInt(3));
      stream.append("event: ").append(event.type()).append(end);
      for (String line : event.data().split("\n", -1)) {
        stream.append("data: ").append(line).append(end);
      }
      stream.append(random.nextBoolean() ? ":" + end : "").append(end);
    }
    byte[] bytes = bytes(stream.toString());
    List<Integer> borders =
        random.ints(random.nextInt(30), 0, bytes.length + 1).sorted().boxed().toList();

    assertThat(read(cutAt(bytes, borders))).isEqualTo(events);
  }

  private static String word(Random random) {
    return List.of("a", "é: {}", "😀", "data: x", "0123456789").get(random.nextInt(5));
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void anyBytesAreReadOrRefused(long seed) {
    var random = new Random(seed);
    byte[] bytes = new byte[random.nextInt(500)];
    random.nextBytes(bytes);
    for (int i = 0; i < bytes.length; i++) {
      // Enough of the characters that mean something.
      bytes[i] = random.nextInt(3) == 0 ? (byte) "\r\n:data".charAt(random.nextInt(7)) : bytes[i];
    }

    assertThat(read(List.of(ByteString.fromArray(bytes)))).hasSizeLessThan(bytes.length + 1);
  }

  @Test
  void aLineUpToTheLimitPasses() {
    assertThat(read(List.of(ByteString.fromString("data: 23456789\n\n")), 14, 14)).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"data: 234567890\n\n", "data: 234567890", ": 34567890123456"})
  void aLineBeyondTheLimitIsRefused(String stream) {
    assertThatThrownBy(() -> read(List.of(ByteString.fromString(stream)), 14, 1000))
        .isInstanceOf(CompletionException.class)
        .hasRootCauseInstanceOf(MalformedAnswerException.class)
        .hasRootCauseMessage("a line has more than 14 bytes");
  }

  @Test
  void anEventBeyondTheLimitIsRefused() {
    String stream = "data: 6789\n".repeat(3) + "\n";

    assertThat(read(List.of(ByteString.fromString(stream)), 20, 30)).hasSize(1);
    assertThatThrownBy(() -> read(List.of(ByteString.fromString(stream)), 20, 29))
        .hasRootCauseMessage("an event has more than 29 bytes");
  }

  @Test
  void commentsNeverAddUpToTheLimit() {
    String stream = ": keep alive\n".repeat(100) + "data: x\n\n";

    assertThat(read(List.of(ByteString.fromString(stream)), 20, 30)).hasSize(1);
  }
}
