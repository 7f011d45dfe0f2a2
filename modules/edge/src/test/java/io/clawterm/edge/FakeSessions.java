package io.clawterm.edge;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Code;
import io.clawterm.session.Attachment;
import io.clawterm.session.Bytes;
import io.clawterm.session.DeviceMessage;
import io.clawterm.session.DeviceMessage.Refusal;
import io.clawterm.session.Entry;
import io.clawterm.session.ResumeTokens;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.Sessions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One actor that plays all sessions: it echoes input as output, keeps everything in memory, and can
 * be told to be deaf, slow to store, or to say anything. What it was told is recorded.
 */
final class FakeSessions implements Sessions {

  private sealed interface Message {}

  private record Told(SessionId session, SessionCommand command) implements Message {}

  private record Say(SessionId session, List<Entry> entries) implements Message {}

  private record Detach(SessionId session, Code code) implements Message {}

  private record Crash(SessionId session) implements Message {}

  private static final class Device {
    long lastInput;
    long generation;
    long generationBefore;
  }

  private static final class Session {
    final Principal owner;
    final Optional<String> key;
    final List<Entry> log = new ArrayList<>();
    final Map<String, Device> devices = new HashMap<>();
    final Map<Long, Attached> attached = new HashMap<>();

    ActorRef<SessionCommand> entity;

    Session(Principal owner, Optional<String> key, ActorRef<SessionCommand> entity) {
      this.entity = entity;
      this.owner = owner;
      this.key = key;
    }
  }

  private static final class Attached {
    final Attachment attachment;
    final Device device;
    long credit;
    long next;
    final long head;

    Attached(Attachment attachment, Device device, long next, long head) {
      this.attachment = attachment;
      this.device = device;
      this.credit = attachment.windowBytes();
      this.next = next;
      this.head = head;
    }
  }

  /** Everything that edges have told, in order. */
  final Queue<SessionCommand> told = new ConcurrentLinkedQueue<>();

  /** The first {@code takenIds} Connects are refused with ID_TAKEN. */
  final AtomicInteger takenIds = new AtomicInteger();

  /** How often an edge has asked for what tokens are checked and made with. */
  final AtomicInteger tokenChecks = new AtomicInteger();

  private final Map<SessionId, AtomicInteger> toldTo = new ConcurrentHashMap<>();

  volatile boolean deaf;
  volatile boolean held = true;
  volatile boolean storing = true;
  volatile boolean echoing = true;
  volatile boolean directoryDown;

  private final ResumeTokens tokens = new ResumeTokens(new byte[32]);
  private final AtomicInteger ids = new AtomicInteger(1000);
  private final Map<String, SessionId> directory = new ConcurrentHashMap<>();
  private final Map<SessionId, Session> sessions = new HashMap<>();
  private final ActorRef<Message> actor;

  FakeSessions(akka.actor.testkit.typed.javadsl.ActorTestKit kit) {
    this.actor = kit.spawn(Behaviors.setup(this::behavior));
  }

  private Behavior<Message> behavior(ActorContext<Message> context) {
    return Behaviors.receiveMessage(message -> {
      switch (message) {
        case Told said -> {
          if (!deaf) {
            on(context, said.session, said.command);
          }
        }
        case Say say -> say(say.session, say.entries);
        case Detach detach -> detachAll(detach.session, detach.code);
        case Crash crash -> {
          Session session = open(crash.session);
          session.attached.clear();
          context.stop(session.entity);
          session.entity = entity(context, crash.session);
        }
      }
      return Behaviors.same();
    });
  }

  private ActorRef<SessionCommand> entity(ActorContext<Message> context, SessionId id) {
    Behavior<SessionCommand> entity =
        Behaviors.receiveMessage(command -> {
          record(id, command);
          actor.tell(new Told(id, command));
          return Behaviors.same();
        });
    return context.spawnAnonymous(entity);
  }

  @Override
  public void tell(SessionId session, SessionCommand command) {
    record(session, command);
    actor.tell(new Told(session, command));
  }

  private void record(SessionId session, SessionCommand command) {
    toldTo.computeIfAbsent(session, it -> new AtomicInteger()).incrementAndGet();
    told.add(command);
  }

  /** How much a session was told, of any kind. */
  int toldTo(int session) {
    return toldTo.getOrDefault(new SessionId(session), new AtomicInteger()).get();
  }

  @Override
  public boolean haveNode() {
    return held;
  }

  @Override
  public CompletionStage<SessionId> resolve(
      Principal principal,
      Optional<String> key,
      Optional<String> nonce,
      Optional<SessionId> unlike) {
    if (directoryDown) {
      return CompletableFuture.failedFuture(new IllegalStateException("the directory is down"));
    }
    Optional<String> name = key.or(() -> nonce);
    unlike.ifPresent(id -> name.ifPresent(it -> directory.remove(it, id)));
    SessionId id =
        name.map(it -> directory.computeIfAbsent(it, unused -> newId())).orElseGet(this::newId);
    return CompletableFuture.completedFuture(id);
  }

  @Override
  public ResumeTokens tokens() {
    tokenChecks.incrementAndGet();
    return tokens;
  }

  /** Appends output. */
  void say(int session, Entry... entries) {
    actor.tell(new Say(new SessionId(session), List.of(entries)));
  }

  /** Ends all attachments of a session. */
  void detach(int session, Code code) {
    actor.tell(new Detach(new SessionId(session), code));
  }

  /** The entity of a session stops, and with it all that it knew of its devices' connections. */
  void crash(int session) {
    actor.tell(new Crash(new SessionId(session)));
  }

  /** What was told of one kind. */
  <T extends SessionCommand> List<T> told(Class<T> kind) {
    return told.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  private SessionId newId() {
    return new SessionId(ids.incrementAndGet());
  }

  private void on(ActorContext<Message> context, SessionId id, SessionCommand command) {
    switch (command) {
      case SessionCommand.Connect connect -> connect(context, id, connect);
      case SessionCommand.Resume resume -> resume(id, resume);
      case SessionCommand.Input input -> input(id, input);
      case SessionCommand.Release release -> release(id, release);
      case SessionCommand.Detach detach -> attached(id).remove(detach.attachment());
      case SessionCommand.Suspend suspend -> bye(id, suspend.attachment(), Code.SUSPENDED);
      case SessionCommand.Disconnect disconnect -> bye(id, disconnect.attachment(), Code.CLOSED);
      case SessionCommand.Resize resize -> {}
      case SessionCommand.Confirm confirm -> confirm(id, confirm.attachment());
      default -> throw new IllegalStateException("an edge never tells " + command);
    }
  }

  private Map<Long, Attached> attached(SessionId id) {
    Session session = sessions.get(id);
    return session == null ? new HashMap<>() : session.attached;
  }

  private void connect(
      ActorContext<Message> context, SessionId id, SessionCommand.Connect connect) {
    Attachment attachment = connect.attachment();
    if (takenIds.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
      refuse(id, attachment, Refusal.ID_TAKEN);
    } else if (connect.target().equals("agent:nobody")) {
      refuse(id, attachment, Refusal.NO_SUCH_TARGET);
    } else {
      Session session =
          sessions.computeIfAbsent(
              id, it -> new Session(connect.principal(), connect.key(), entity(context, id)));
      attach(id, session, attachment, 0, 0);
    }
  }

  private void resume(SessionId id, SessionCommand.Resume resume) {
    Session session = sessions.get(id);
    Device device = session == null ? null : session.devices.get(resume.attachment().device());
    if (session == null
        || device == null
        || !session.owner.equals(resume.principal())
        || (resume.tokenGeneration() != device.generation
            && resume.tokenGeneration() != device.generationBefore)) {
      refuse(id, resume.attachment(), Refusal.NO_SUCH_SESSION);
    } else if (resume.lastNumber() > session.log.size()) {
      refuse(id, resume.attachment(), Refusal.AHEAD);
    } else {
      attach(id, session, resume.attachment(), resume.tokenGeneration(), resume.lastNumber());
    }
  }

  private void attach(
      SessionId id, Session session, Attachment attachment, long shown, long lastNumber) {
    Device device = session.devices.computeIfAbsent(attachment.device(), it -> new Device());
    device.generationBefore = shown;
    device.generation = Math.max(device.generation, shown) + 1;
    long head = session.log.size();
    var attached = new Attached(attachment, device, lastNumber + 1, head);
    session.attached.put(attachment.number(), attached);
    attachment
        .edge()
        .tell(
            new DeviceMessage.Attached(
                id,
                attachment.number(),
                session.entity,
                device.generation,
                device.lastInput,
                lastNumber + 1,
                head,
                session.key,
                Duration.ofDays(30)));
    send(id, session, attached);
  }

  private static void refuse(SessionId id, Attachment attachment, Refusal refusal) {
    attachment
        .edge()
        .tell(new DeviceMessage.Refused(id, attachment.number(), refusal, "as the test wants"));
  }

  private void input(SessionId id, SessionCommand.Input input) {
    Session session = sessions.get(id);
    Attached attached = session == null ? null : session.attached.get(input.attachment());
    if (session == null || attached == null || !storing) {
      return;
    }
    Device device = attached.device;
    device.generationBefore = 0;
    // The same invariant as at the edge: no hole and no repetition reaches the log.
    if (input.firstNumber() != device.lastInput + 1) {
      throw new IllegalStateException(
          "input " + input.firstNumber() + " after " + device.lastInput);
    }
    device.lastInput += input.frames().size();
    attached
        .attachment
        .edge()
        .tell(new DeviceMessage.InputDurable(id, input.attachment(), device.lastInput));
    if (echoing) {
      say(id, input.frames().stream().map(it -> Entry.bytes(it.body(), it.more())).toList());
    }
  }

  private void release(SessionId id, SessionCommand.Release release) {
    Session session = sessions.get(id);
    Attached attached = session == null ? null : session.attached.get(release.attachment());
    if (session != null && attached != null) {
      attached.credit += release.bytes();
      send(id, session, attached);
    }
  }

  private void bye(SessionId id, long attachment, Code code) {
    Attached attached = attached(id).remove(attachment);
    if (attached != null) {
      attached.attachment.edge().tell(new DeviceMessage.Detached(id, attachment, code, "bye"));
    }
  }

  private void confirm(SessionId id, long attachment) {
    Attached attached = attached(id).get(attachment);
    if (attached != null) {
      attached.device.generationBefore = 0;
    }
  }

  private Session open(SessionId id) {
    Session session = sessions.get(id);
    if (session == null) {
      throw new IllegalStateException("no session " + id);
    }
    return session;
  }

  private void detachAll(SessionId id, Code code) {
    for (long attachment : List.copyOf(attached(id).keySet())) {
      bye(id, attachment, code);
    }
  }

  private void say(SessionId id, List<Entry> entries) {
    Session session = open(id);
    session.log.addAll(entries);
    session.attached.values().forEach(attached -> send(id, session, attached));
  }

  /** Sends what there is while there is credit, replay apart from what is live. */
  private static void send(SessionId id, Session session, Attached attached) {
    while (attached.credit > 0 && attached.next <= session.log.size()) {
      boolean replay = attached.next <= attached.head;
      long end = replay ? attached.head : session.log.size();
      List<Entry> part = new ArrayList<>();
      long first = attached.next;
      while (attached.credit > 0 && attached.next <= end) {
        Entry entry = session.log.get((int) attached.next - 1);
        part.add(entry);
        attached.credit -= entry.size();
        attached.next++;
      }
      attached
          .attachment
          .edge()
          .tell(new DeviceMessage.Output(id, attached.attachment.number(), first, part, replay));
    }
  }

  /** An entry of plain text. */
  static Entry text(String text) {
    return Entry.bytes(Bytes.of(text), false);
  }
}
