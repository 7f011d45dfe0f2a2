package io.clawterm.load;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.api.SessionId;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.ConnectionEvent;
import io.clawterm.client.Ending;
import io.clawterm.client.Received;
import io.clawterm.client.ResumeOptions;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Mode;
import io.clawterm.testkit.History;
import io.clawterm.testkit.History.Step;
import io.clawterm.testkit.History.View;
import io.clawterm.testkit.HistoryRecorder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One device of the fault suite: a client with a token file, that sends inputs of its own and
 * writes down what happens. It can let go and come back with nothing but its token file, as a
 * client does whose own machine restarts.
 */
final class Device {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofMinutes(5);
  private static final Duration MIN_BACKOFF = Duration.ofMillis(50);
  private static final Duration MAX_BACKOFF = Duration.ofMillis(500);

  /** What a device does in its session. */
  enum Role {
    SENDER,
    WATCHER
  }

  private final Scenario scenario;
  private final String name;
  private final Role role;
  private final View view;
  private final Way way;
  private final String credential;
  private final Path tokens;
  private final HistoryRecorder recorder;
  private final Waits waits = new Waits();

  private @Nullable ClawTermClient client;
  private @Nullable ClientSession session;
  private @Nullable ClientSession closing;
  private @Nullable SessionId id;
  private int sent;
  private int acknowledged;
  private long newest;
  private long resumes;
  private final Set<String> unanswered = new HashSet<>();
  private final Map<Long, String> messages = new HashMap<>();
  private String running = "";
  private final List<String> troubles = new ArrayList<>();

  Device(
      Scenario scenario,
      String name,
      Role role,
      View view,
      Way way,
      String credential,
      Path folder) {
    this.scenario = scenario;
    this.name = name;
    this.role = role;
    this.view = view;
    this.way = way;
    this.credential = credential;
    this.tokens = folder.resolve(name + ".json");
    this.recorder = new HistoryRecorder(scenario.key(), name, view);
  }

  /** Opens or joins the session; the stage fails where that is impossible. */
  synchronized CompletionStage<ClientSession> join() {
    ClawTermClient opened = open();
    client = opened;
    var options =
        ConnectOptions.target(scenario.target())
            .withKey(scenario.key())
            .withMode(role == Role.SENDER ? Mode.SHARE : Mode.WATCH)
            .withEvents(view == View.STRUCTURED);
    return opened.connect(options).thenApply(this::attached);
  }

  private ClawTermClient open() {
    ClawTermClient.Builder builder =
        ClawTermClient.builder()
            .addresses(way.addresses())
            .device(name)
            .tokenFile(tokens)
            .backoff(MIN_BACKOFF, MAX_BACKOFF)
            .patience(PATIENCE)
            .listener((which, event) -> heard(event));
    way.fingerprint().ifPresent(builder::trustFingerprint);
    return (way.needsCredential() ? builder.credential(credential) : builder).build();
  }

  private synchronized ClientSession attached(ClientSession next) {
    session = next;
    id = next.id();
    next.onOutput(this::received);
    var unused = next.ended().thenAccept(ending -> ended(next, ending));
    return next;
  }

  private synchronized void heard(ConnectionEvent event) {
    switch (event) {
      case ConnectionEvent.Resumed resumed -> {
        resumes++;
        waits.back();
      }
      case ConnectionEvent.Opened opened -> {}
      case ConnectionEvent.Lost lost -> waits.lost();
      case ConnectionEvent.Over over -> {}
    }
  }

  /** An end may be heard of when the device is back already: each session has its own. */
  private synchronized void ended(ClientSession which, Ending ending) {
    boolean meant =
        switch (ending) {
          case Ending.Left left -> true;
          case Ending.Suspended suspended -> true;
          case Ending.Closed closed -> which == closing;
          case Ending.Failed failed -> false;
        };
    if (which == session || !meant) {
      troubles.add(name + " was ended: " + ending);
    }
  }

  private synchronized void received(Received received) {
    switch (received) {
      case Received.Gap(long first, long last) -> recorder.add(new Step.Missing(first, last));
      case Received.Entry entry -> {
        recorder.add(new Step.Shown(entry.number(), content(entry)));
        if (entry.number() > newest) {
          newest = entry.number();
          answered(entry);
        }
      }
    }
  }

  /** All of an entry that must be the same at each showing. */
  private static String content(Received.Entry entry) {
    int flags = entry.frame().flags() & ~Flags.REPLAY & ~Flags.ACK_NOW;
    return flags + " " + entry.text();
  }

  /** Keeps track of which of the device's own inputs have their answer. */
  private void answered(Received.Entry entry) {
    if (!entry.structured()) {
      String text = entry.text();
      if (text.startsWith("<") && text.endsWith(">")) {
        answered(text.substring(1, text.length() - 1));
      }
      return;
    }
    JsonNode json = json(entry.text());
    switch (json.path("type").asText()) {
      case "message" -> messages.put(entry.number(), json.path("text").asText());
      case "status" -> {
        if (json.path("run").asText().equals("started")) {
          running = messages.getOrDefault(json.path("answers").asLong(), "");
        } else {
          answered(running);
        }
      }
      default -> {} // not about whose turn it is
    }
  }

  private void answered(String input) {
    if (unanswered.remove(input)) {
      waits.answered();
    }
  }

  static JsonNode json(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a structured entry is no JSON: " + text, e);
    }
  }

  /** Sends the next input where this is a device's role and not too many are unanswered. */
  synchronized void send() {
    ClientSession to = session;
    if (role != Role.SENDER || to == null || unanswered.size() >= scenario.inFlight()) {
      return;
    }
    sent++;
    String input = scenario.input(name, sent);
    unanswered.add(input);
    recorder.add(new Step.Sent(input));
    CompletionStage<Long> done =
        switch (scenario.kind()) {
          case DEMO, MODEL ->
              to.sendJson(
                  JSON.createObjectNode().put("type", "input").put("text", input).toString());
          case POD -> to.send((input + "\n").getBytes(StandardCharsets.UTF_8));
        };
    var unused =
        done.thenAccept(number -> acknowledged(input))
            .exceptionally(failure -> notAcknowledged(to, input, failure));
  }

  private synchronized void acknowledged(String input) {
    acknowledged++;
    recorder.add(new Step.Acknowledged(input));
  }

  /** That is nobody's promise; but a device that has not let go must not be told so. */
  private synchronized @Nullable Void notAcknowledged(
      ClientSession by, String input, Throwable failure) {
    if (by == session) {
      Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
      troubles.add(name + " can't send " + input + ": " + cause);
    }
    return null;
  }

  /** Lets go with SUSPEND; completed when the server has said that all is durable. */
  synchronized CompletionStage<Ending> suspend() {
    ClientSession attached = session;
    if (attached == null) {
      throw new IllegalStateException(name + " is not attached");
    }
    session = null;
    return attached.suspend();
  }

  /** Ends the session for good; completed when the server has said so. */
  synchronized CompletionStage<Ending> disconnect() {
    ClientSession attached = session;
    if (attached == null) {
      throw new IllegalStateException(name + " is not attached");
    }
    session = null;
    closing = attached;
    return attached.disconnect();
  }

  /** Lets go without a word; what is unacknowledged stays in the token file. */
  void leave() {
    ClawTermClient before;
    synchronized (this) {
      before = client;
      client = null;
      session = null;
    }
    if (before != null) {
      before.close();
    }
  }

  /** Comes back with what the token file holds. */
  synchronized CompletionStage<ClientSession> comeBack() {
    ClawTermClient opened = open();
    client = opened;
    SessionId mine = ownId();
    long after =
        opened.sessions().stream()
            .filter(known -> known.id().equals(mine))
            .findFirst()
            .orElseThrow(() -> new IllegalStateException(name + " has lost its token"))
            .lastReceived();
    recorder.add(new Step.Began(after));
    return opened.resume(mine).thenApply(this::attached);
  }

  private SessionId ownId() {
    SessionId mine = id;
    if (mine == null) {
      throw new IllegalStateException(name + " has never been attached");
    }
    return mine;
  }

  /** Reads the whole log once more, from its beginning to what was its end at the attachment. */
  Map<Long, String> readAll(Duration limit) throws InterruptedException {
    leave();
    Map<Long, String> log = new TreeMap<>();
    recorder.add(new Step.Began(0));
    try (ClawTermClient reader = open()) {
      ClientSession again =
          reader
              .resume(ownId(), ResumeOptions.asBefore().withAfter(0))
              .toCompletableFuture()
              .join();
      long head = again.joinedAt();
      var whole = new CountDownLatch(head == 0 ? 0 : 1);
      again.onOutput(received -> {
        switch (received) {
          case Received.Gap(long first, long last) -> recorder.add(new Step.Missing(first, last));
          case Received.Entry entry -> {
            recorder.add(new Step.Shown(entry.number(), content(entry)));
            synchronized (log) {
              log.put(entry.number(), content(entry));
            }
            if (entry.number() >= head) {
              whole.countDown();
            }
          }
        }
      });
      if (!whole.await(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        trouble(name + " did not get the whole log up to " + head);
      }
    }
    synchronized (log) {
      return new TreeMap<>(log);
    }
  }

  private synchronized void trouble(String text) {
    troubles.add(text);
  }

  synchronized boolean isAttached() {
    return session != null;
  }

  synchronized int unanswered() {
    return unanswered.size();
  }

  synchronized int acknowledged() {
    return acknowledged;
  }

  /** When it was without its session, and when its inputs were answered. */
  Waits waits() {
    return waits;
  }

  /** The session that it is in; there once it has been attached. */
  synchronized SessionId sessionId() {
    return ownId();
  }

  synchronized long resumes() {
    return resumes;
  }

  synchronized List<String> troubles() {
    return List.copyOf(troubles);
  }

  String name() {
    return name;
  }

  Role role() {
    return role;
  }

  View view() {
    return view;
  }

  Way.Transport transport() {
    return way.transport();
  }

  Scenario scenario() {
    return scenario;
  }

  History history() {
    return recorder.history();
  }

  /** The text of a content, without its flags. */
  static String textOf(String content) {
    return content.substring(content.indexOf(' ') + 1);
  }

  /** Whether a content was a structured entry. */
  static Optional<JsonNode> jsonOf(String content) {
    int flags = Integer.parseInt(content.substring(0, content.indexOf(' ')));
    return (flags & Flags.EVENT) == 0 ? Optional.empty() : Optional.of(json(textOf(content)));
  }
}
