package io.clawterm.testkit;

import io.clawterm.testkit.Dialect.ChunkKind;
import io.clawterm.testkit.Dialect.Reply;
import io.clawterm.testkit.ReceivedRequest.Outcome;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * One request and the scripted answer to it. One thread answers; another watches the socket, for a
 * client that closes it.
 */
final class ScriptedExchange {

  private final Socket socket;
  private final OutputStream out;
  private final CountDownLatch over = new CountDownLatch(1);
  private ReceivedRequest record;

  ScriptedExchange(Socket socket, ReceivedRequest received) throws IOException {
    this.socket = socket;
    this.out = socket.getOutputStream();
    this.record = received;
  }

  synchronized ReceivedRequest record() {
    return record;
  }

  /** Blocks until the client closes its side or the exchange is over. */
  void watch() {
    try {
      while (socket.getInputStream().read() >= 0) {
        // Clients of this server send one request a connection; a byte after it means nothing.
      }
    } catch (IOException e) {
      // A reset is the client's end as well, and our own close() has settled before.
    }
    settle(new Outcome.Cancelled(Instant.now()));
    over.countDown();
  }

  /** Ends the exchange from the server's side. */
  void cut() throws IOException {
    settle(new Outcome.Cut(Instant.now()));
    over.countDown();
    socket.close();
  }

  /** Waits that long; false where the exchange is over before. */
  boolean pause(Duration duration) throws InterruptedException {
    return !over.await(duration.toNanos(), TimeUnit.NANOSECONDS);
  }

  void refuse(int status, Map<String, String> headers, String body) throws IOException {
    settle(new Outcome.Refused(status, Instant.now()));
    respond(status, headers, body);
  }

  /** A complete JSON answer that isn't a stream. */
  void json(String body) throws IOException {
    settle(new Outcome.Completed(Instant.now()));
    respond(200, Map.of(), body);
  }

  private void respond(int status, Map<String, String> headers, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    Map<String, String> all = new LinkedHashMap<>(headers);
    all.putIfAbsent("Content-Type", "application/json");
    all.put("Content-Length", Integer.toString(bytes.length));
    head(status, all);
    out.write(bytes);
    out.flush();
  }

  /** Streams the answer up to its ending, and the ending. */
  void stream(Dialect dialect, Reply reply, Script script, List<String> texts)
      throws IOException, InterruptedException {
    int before = script.ending().chunksBefore(script.thinking().size() + texts.size());
    boolean whole =
        script.ending() instanceof Ending.Complete || script.ending() instanceof Ending.OutOfTokens;
    head(200, Map.of("Content-Type", "text/event-stream", "Transfer-Encoding", "chunked"));
    Iterator<Event> events = events(dialect, reply, script, texts).iterator();
    String next = "data: [DONE]\n\n";
    int sent = 0;
    while (events.hasNext()) {
      Event event = events.next();
      next = event.text();
      if (!whole && sent == before && (event.isChunk() || !events.hasNext())) {
        break;
      }
      if (event.isChunk()) {
        if (!pause(script.chunkDelay())) {
          return;
        }
        write(next);
        sent++;
        count(sent);
      } else {
        write(next);
      }
    }
    end(dialect, reply, script.ending(), sent, next);
  }

  /** An event, and whether it carries a chunk of the answer. */
  private record Event(String text, boolean isChunk) {}

  /** All events before the closing ones; lazy, because an answer can be many times the heap. */
  private static Stream<Event> events(
      Dialect dialect, Reply reply, Script script, List<String> texts) {
    return Stream.concat(
        plain(dialect.opening(reply)),
        Stream.concat(
            block(dialect, reply, ChunkKind.THINKING, script.thinking()),
            block(dialect, reply, ChunkKind.TEXT, texts)));
  }

  private static Stream<Event> block(
      Dialect dialect, Reply reply, ChunkKind kind, List<String> texts) {
    if (texts.isEmpty()) {
      return Stream.empty();
    }
    return Stream.concat(
        plain(dialect.start(reply, kind)),
        Stream.concat(
            texts.stream().map(text -> new Event(dialect.chunk(reply, kind, text), true)),
            plain(dialect.stop(reply, kind))));
  }

  private static Stream<Event> plain(List<String> events) {
    return events.stream().map(event -> new Event(event, false));
  }

  private void end(Dialect dialect, Reply reply, Ending ending, int sent, String next)
      throws IOException, InterruptedException {
    switch (ending) {
      case Ending.Complete() -> close(dialect.closing(reply, false, sent));
      case Ending.OutOfTokens() -> close(dialect.closing(reply, true, sent));
      case Ending.StallAfter stall -> over.await();
      case Ending.CutAfter cut -> {
        byte[] bytes = next.getBytes(StandardCharsets.UTF_8);
        out.write(chunkHead(bytes.length));
        out.write(bytes, 0, bytes.length / 2);
        out.flush();
        cut();
      }
      case Ending.EndAfter end -> {
        settle(new Outcome.Cut(Instant.now()));
        endOfBody();
      }
      case Ending.InvalidJsonAfter invalid -> {
        write("data: {\"choices\": [ this is not JSON\n\n");
        close(dialect.closing(reply, false, sent));
      }
      case Ending.ErrorAfter error -> {
        write(dialect.error(error.type(), error.message()));
        settle(new Outcome.Completed(Instant.now()));
        endOfBody();
      }
      case Ending.Refuse refuse ->
          throw new IllegalStateException("a refusal is no stream: " + refuse.status());
    }
  }

  private void close(List<String> events) throws IOException {
    for (String event : events.subList(0, events.size() - 1)) {
      write(event);
    }
    // A client may close as soon as it has the end mark, before this thread gets any further.
    settle(new Outcome.Completed(Instant.now()));
    write(events.getLast());
    endOfBody();
  }

  private void head(int status, Map<String, String> headers) throws IOException {
    var head = new StringBuilder("HTTP/1.1 ").append(status).append(" Scripted\r\n");
    headers.forEach((name, value) -> head.append(name).append(": ").append(value).append("\r\n"));
    head.append("Connection: close\r\n\r\n");
    out.write(head.toString().getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  private void write(String event) throws IOException {
    byte[] bytes = event.getBytes(StandardCharsets.UTF_8);
    out.write(chunkHead(bytes.length));
    out.write(bytes);
    out.write(new byte[] {'\r', '\n'});
    out.flush();
  }

  private static byte[] chunkHead(int size) {
    return (Integer.toHexString(size) + "\r\n").getBytes(StandardCharsets.US_ASCII);
  }

  private void endOfBody() throws IOException {
    out.write("0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    out.flush();
  }

  private synchronized void count(int sent) {
    record = with(record, sent, record.outcome());
  }

  /** The first outcome stays. */
  private synchronized void settle(Outcome outcome) {
    if (record.outcome() instanceof Outcome.Running) {
      record = with(record, record.chunksSent(), outcome);
    }
  }

  private static ReceivedRequest with(ReceivedRequest old, int chunksSent, Outcome outcome) {
    return new ReceivedRequest(
        old.number(),
        old.at(),
        old.method(),
        old.path(),
        old.headers(),
        old.model(),
        old.turns(),
        old.system(),
        chunksSent,
        outcome);
  }
}
