package io.clawterm.http;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Props;
import akka.actor.typed.javadsl.Behaviors;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Mode;
import io.clawterm.session.Attachment;
import io.clawterm.session.Bytes;
import io.clawterm.session.DeviceMessage;
import io.clawterm.session.Entry;
import io.clawterm.session.SessionCommand;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A device with its edge that does what the protocol asks: it keeps input until it is durable,
 * attaches again when it is told to come back, and sends again what the session has not got.
 *
 * <p>Used by one thread, which lets it act by {@link #act}.
 */
final class PersistentDevice {

  private static final Duration RETRY_AFTER = Duration.ofMillis(500);
  private static final int WINDOW = 16_000_000;
  private static long attachments = 1_000_000;

  private final TestNode node;
  private final SessionId id;
  private final BlockingQueue<DeviceMessage> received = new LinkedBlockingQueue<>();
  private final ActorRef<DeviceMessage> edge;

  private @Nullable ActorRef<SessionCommand> entity;
  private long attachment;
  private long generation;
  private long answerSince;
  private long retryAt;

  /** All that it was told to send, and how many of these the session has acknowledged. */
  final List<String> sent = new ArrayList<>();

  private int acknowledged;

  /** Its copy of the log. */
  final List<Entry> log = new ArrayList<>();

  /** What it was refused with, or detached with, and how long it had waited for that. */
  final List<Code> refusals = new ArrayList<>();

  private Duration longestWait = Duration.ZERO;

  PersistentDevice(TestNode node, SessionId id) {
    this.node = node;
    this.id = id;
    edge =
        node.system.systemActorOf(
            Behaviors.<DeviceMessage>receiveMessage(message -> {
              received.add(message);
              return Behaviors.same();
            }),
            "device-" + id,
            Props.empty());
    attach();
  }

  private void attach() {
    retryAt = Long.MAX_VALUE;
    answerSince = System.nanoTime();
    var next = new Attachment(++attachments, "phone", edge, Mode.SHARE, WINDOW, Optional.empty());
    attachment = next.number();
    node.sessions.tell(
        id,
        generation == 0
            ? new SessionCommand.Connect(
                Principal.LOCAL, "agent:test", Optional.of("key:" + id), Optional.empty(), next)
            : new SessionCommand.Resume(Principal.LOCAL, generation, log.size(), next));
  }

  void says(String word) {
    if (hasAllAnswers()) {
      answerSince = System.nanoTime();
    }
    sent.add(word);
    if (entity != null) {
      send(sent.size(), List.of(word));
    }
  }

  private void send(long first, List<String> words) {
    if (!words.isEmpty() && entity != null) {
      entity.tell(
          new SessionCommand.Input(
              attachment,
              first,
              words.stream()
                  .map(word -> new SessionCommand.InputFrame(Bytes.of(word), false, false))
                  .toList()));
    }
  }

  /** Whether the session owes it nothing. */
  private boolean hasAllAnswers() {
    return entity != null && acknowledged == sent.size();
  }

  SessionId id() {
    return id;
  }

  int acknowledged() {
    return acknowledged;
  }

  boolean isAttached() {
    return entity != null;
  }

  /** The longest time without any answer while it waited for one; grows while it waits. */
  Duration longestWait() {
    noteWait();
    return longestWait;
  }

  private void noteWait() {
    if (!hasAllAnswers() && retryAt == Long.MAX_VALUE) {
      Duration wait = Duration.ofNanos(System.nanoTime() - answerSince);
      longestWait = wait.compareTo(longestWait) > 0 ? wait : longestWait;
    }
  }

  /** Takes what comes within this time, and answers it. */
  void act(Duration limit) {
    long end = System.nanoTime() + limit.toNanos();
    do {
      if (System.nanoTime() >= retryAt) {
        attach();
      }
      DeviceMessage message = poll(Math.max(0, end - System.nanoTime()));
      if (message != null && message.attachment() == attachment) {
        noteWait();
        answerSince = System.nanoTime();
        take(message);
      }
    } while (System.nanoTime() < end);
  }

  private @Nullable DeviceMessage poll(long nanos) {
    try {
      return received.poll(Math.min(nanos, 20_000_000), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private void take(DeviceMessage message) {
    switch (message) {
      case DeviceMessage.Attached attached -> {
        entity = attached.entity();
        generation = attached.tokenGeneration();
        assertThat(attached.lastInput())
            .as("acknowledged is kept")
            .isGreaterThanOrEqualTo(acknowledged);
        acknowledged = Math.toIntExact(attached.lastInput());
        send(acknowledged + 1L, List.copyOf(sent.subList(acknowledged, sent.size())));
      }
      case DeviceMessage.InputDurable durable ->
          acknowledged = Math.max(acknowledged, Math.toIntExact(durable.upTo()));
      case DeviceMessage.Output output -> take(output);
      case DeviceMessage.Refused refused -> comeBack(refused.refusal().code());
      case DeviceMessage.Detached detached -> comeBack(detached.code());
    }
  }

  private void take(DeviceMessage.Output output) {
    long number = output.firstNumber();
    for (Entry entry : output.entries()) {
      if (number <= log.size()) {
        assertThat(entry).as("entry " + number).isEqualTo(log.get((int) number - 1));
      } else {
        assertThat(number).isEqualTo(log.size() + 1);
        log.add(entry);
      }
      number++;
    }
  }

  private void comeBack(Code code) {
    refusals.add(code);
    entity = null;
    retryAt = System.nanoTime() + RETRY_AFTER.toNanos();
  }

  /** What the target has answered, in the order of its copy of the log. */
  List<String> heard() {
    return log.stream()
        .filter(entry -> entry.kind() == Entry.Kind.TEXT)
        .map(entry -> new String(entry.body().unsafeArray(), StandardCharsets.UTF_8))
        .filter(text -> text.startsWith("heard "))
        .map(text -> text.substring("heard ".length()))
        .toList();
  }
}
