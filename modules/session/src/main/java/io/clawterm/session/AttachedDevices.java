package io.clawterm.session;

import akka.actor.typed.ActorRef;
import akka.actor.typed.javadsl.ActorContext;
import akka.japi.Pair;
import akka.stream.javadsl.Sink;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Mode;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The devices of a session that are attached or about to be, and the output that each is sent: what
 * is durable, as far as the device has room, from memory where it can be and else from the journal,
 * a page at a time.
 *
 * <p>It owns each device's cursor and credit, and the newest entries in memory. The session calls
 * it, and is told by {@code detached} that a device has gone.
 */
final class AttachedDevices {

  private static final Logger LOG = LoggerFactory.getLogger(AttachedDevices.class);

  /** A message to a device's edge; with its frame it has to fit Artery's 256 KiB between nodes. */
  private static final long PAGE_BYTES = 131_072;

  /**
   * A page is sent once all of it is read. So the first one that a device needs is short, some 500
   * entries of a few words; for the rest, fewer and longer ones cost less.
   */
  static final long FIRST_PAGE_BYTES = 49_152;

  private static final int MAX_ASKED = 64;

  private final SessionId id;
  private final SessionEnvironment environment;
  private final ActorContext<SessionCommand> context;
  private final GroupCommit commits;
  private final Runnable detached;

  /** Devices whose attachment is decided and not durable yet. */
  private final Map<Long, Attachment> arriving = new LinkedHashMap<>();

  private final Map<Long, AttachedDevice> attached = new LinkedHashMap<>();

  /** The attachments that were asked for lately. */
  private final Set<Long> asked = new LinkedHashSet<>(2);

  private Tail tail = new Tail(1, 1);

  /** Which entries there are; stays when the session has ended. */
  private LogExtent extent = new LogExtent(1, 0, 0, List.of());

  AttachedDevices(
      SessionId id,
      SessionEnvironment environment,
      ActorContext<SessionCommand> context,
      GroupCommit commits,
      Runnable detached) {
    this.id = id;
    this.environment = environment;
    this.context = context;
    this.commits = commits;
    this.detached = detached;
  }

  /** The session has been read back. */
  void recovered() {
    begin();
    if (commits.durable() instanceof SessionState.Open open) {
      open.devices().forEach(this::foundGone);
    }
  }

  /** A device that was attached to an earlier life: its time away counts from now. */
  private void foundGone(String name, SessionState.Device device) {
    if (device.attached()) {
      commits.decide(
          new SessionEvent.DeviceDetached(name, device.acknowledged(), OptionalLong.empty()));
    }
  }

  boolean isEmpty() {
    return attached.isEmpty();
  }

  /** Whether one is attached, or about to be. */
  boolean isAny() {
    return !attached.isEmpty() || !arriving.isEmpty();
  }

  Optional<AttachedDevice> find(long attachment) {
    return Optional.ofNullable(attached.get(attachment));
  }

  /** Those that a connection carries. */
  List<AttachedDevice> on(ActorRef<DeviceMessage> edge) {
    return attached.values().stream()
        .filter(device -> device.attachment.edge().equals(edge))
        .toList();
  }

  /** The names of those that are attached. */
  List<String> names() {
    return attached.values().stream().map(device -> device.attachment.device()).toList();
  }

  /** The newest number that all of them have acknowledged. */
  long acknowledgedByAll() {
    return attached.values().stream()
        .mapToLong(device -> device.acknowledged)
        .min()
        .orElse(Long.MAX_VALUE);
  }

  // ---- they come ----

  /** An edge that gets no answer asks again; what came before is, or will be, answered. */
  boolean isNew(Attachment attachment) {
    boolean here =
        attached.containsKey(attachment.number()) || arriving.containsKey(attachment.number());
    boolean added = asked.add(attachment.number()) && !here;
    if (asked.size() > MAX_ASKED) {
      asked.remove(asked.iterator().next());
    }
    return added;
  }

  /** Its attachment is decided; {@link #attach} follows once that is durable. */
  void arrive(Attachment attachment) {
    arriving.put(attachment.number(), attachment);
  }

  /**
   * Attaches a device that has arrived, and detaches those that it takes the session from. Nothing
   * is answered where the session has ended since; the device is told so.
   *
   * @param generation of the token that it is given
   * @param lastNumber the newest entry that it has
   */
  Optional<AttachedDevice> attach(Attachment attachment, long generation, long lastNumber) {
    arriving.remove(attachment.number());
    if (!(commits.durable() instanceof SessionState.Open open)) {
      attachment.refuse(id, DeviceMessage.Refusal.CLOSED, "the session is over");
      return Optional.empty();
    }
    long first = Math.max(lastNumber + 1, open.log().first());
    var device = new AttachedDevice(attachment, generation, first, open.head());
    attached.put(attachment.number(), device);
    detachOthers(attachment);
    context.watchWith(attachment.edge(), new SelfCommand.EdgeGone(attachment.edge()));
    attachment
        .edge()
        .tell(
            new DeviceMessage.Attached(
                id,
                attachment.number(),
                context.getSelf(),
                generation,
                open.device(attachment.device()).lastInput(),
                first,
                open.head(),
                open.identity().key().filter(key -> !SessionKeys.isNonce(key)),
                Duration.ofSeconds(open.expirySeconds())));
    return Optional.of(device);
  }

  private void detachOthers(Attachment attachment) {
    for (AttachedDevice other : List.copyOf(attached.values())) {
      boolean itself = other.attachment.number() == attachment.number();
      boolean same = other.attachment.device().equals(attachment.device());
      if (!itself && (same || attachment.mode() == Mode.TAKE_OVER)) {
        detachNow(
            other, Code.TAKEN_OVER, "device \"" + attachment.device() + "\" has the session now");
      }
    }
  }

  /** Only the attachment with the newest token confirms: an older one's frames prove nothing. */
  void confirm(AttachedDevice device) {
    if (commits.state() instanceof SessionState.Open open) {
      SessionState.Device known = open.device(device.attachment.device());
      if (known.shown() != 0 && known.generation() == device.generation) {
        commits.decide(new SessionEvent.TokenConfirmed(device.attachment.device()));
      }
    }
  }

  /** All input of the device up to this number is durable, whether it is still attached or not. */
  void tellDurable(AttachedDevice device, long upTo) {
    device
        .attachment
        .edge()
        .tell(new DeviceMessage.InputDurable(id, device.attachment.number(), upTo));
  }

  // ---- they go ----

  /**
   * Detaches a device and tells it nothing.
   *
   * @param acknowledged the newest number that it has acknowledged
   * @param expirySeconds the expiry that it asks for, if any
   */
  void detach(AttachedDevice device, long acknowledged, OptionalLong expirySeconds) {
    device.acknowledged = Math.max(acknowledged, device.acknowledged);
    attached.remove(device.attachment.number());
    ActorRef<DeviceMessage> edge = device.attachment.edge();
    if (on(edge).isEmpty()) {
      context.unwatch(edge);
    }
    if (commits.state() instanceof SessionState.Open && !isHere(device.attachment.device())) {
      commits.decide(
          new SessionEvent.DeviceDetached(
              device.attachment.device(), device.acknowledged, expirySeconds));
    }
    detached.run();
  }

  /** Whether the device is attached, or about to be, by any of its connections. */
  private boolean isHere(String device) {
    return attached.values().stream().anyMatch(here -> here.attachment.device().equals(device))
        || arriving.values().stream().anyMatch(soon -> soon.device().equals(device));
  }

  /** Detaches a device and tells it why, at once. */
  void detachNow(AttachedDevice device, Code code, String text) {
    detach(device, device.acknowledged, OptionalLong.empty());
    tellDetached(device, code, text);
  }

  /** The same for all. */
  void detachAll(Code code, String text) {
    List.copyOf(attached.values()).forEach(device -> detachNow(device, code, text));
  }

  void tellDetached(AttachedDevice device, Code code, String text) {
    device
        .attachment
        .edge()
        .tell(new DeviceMessage.Detached(id, device.attachment.number(), code, text));
  }

  /** A device that has not got what is gone is told so by a new attachment's FIRST_SEQ. */
  void skipTo(long first) {
    for (AttachedDevice device : List.copyOf(attached.values())) {
      if (device.next < first) {
        detachNow(device, Code.SEQUENCE_GAP, "retention has removed what was not sent yet");
      }
    }
  }

  /** The session has ended: each is told so once it has got all output. */
  void end(String reason) {
    for (AttachedDevice device : List.copyOf(attached.values())) {
      device.ending = Optional.of(reason);
      serve(device);
    }
  }

  /** The entity stops, and decides nothing any more: they come back by themselves. */
  void stopped(Code code) {
    attached
        .values()
        .forEach(device -> tellDetached(device, code, "the session is taken up again elsewhere"));
    arriving
        .values()
        .forEach(attachment ->
            attachment.refuse(id, DeviceMessage.Refusal.OVERLOADED, "try again in a moment"));
  }

  // ---- output ----

  /** From here on the newest entries are kept in memory; there is nothing of them yet. */
  void begin() {
    follow();
    tail = new Tail(environment.settings().tailBytes(), commits.durable().head() + 1);
  }

  /** These entries have become durable; {@link #serveAll} sends them. */
  void append(List<Entry> entries) {
    follow();
    entries.forEach(tail::add);
  }

  private void follow() {
    if (commits.durable() instanceof SessionState.Open open) {
      extent = open.log();
    }
  }

  /** A device has room again. */
  void release(SessionCommand.Release release) {
    find(release.attachment())
        .ifPresent(device -> {
          device.credit += release.bytes();
          device.acknowledged = Math.max(device.acknowledged, release.acknowledged());
          serve(device);
        });
  }

  void serveAll() {
    List.copyOf(attached.values()).forEach(this::serve);
  }

  /** Sends what is durable, as far as the device has room; from memory where it can. */
  void serve(AttachedDevice device) {
    if (attached.get(device.attachment.number()) != device) {
      return; // it went while others were served
    }
    long head = commits.durable().head();
    while (device.credit > 0 && !device.reading && device.next <= head) {
      if (!tail.holds(device.next)) {
        readPage(device);
        return;
      }
      send(device, tail.from(device.next, Math.min(device.credit, PAGE_BYTES)));
    }
    if (device.next > head) {
      device.ending.ifPresent(reason -> detachNow(device, Code.CLOSED, reason));
    }
  }

  private void send(AttachedDevice device, List<Entry> entries) {
    boolean replay = device.next <= device.replayUpTo;
    List<Entry> part = entries;
    if (replay && device.next + entries.size() - 1 > device.replayUpTo) {
      part = entries.subList(0, (int) (device.replayUpTo - device.next + 1));
    }
    device
        .attachment
        .edge()
        .tell(new DeviceMessage.Output(id, device.attachment.number(), device.next, part, replay));
    for (Entry entry : part) {
      device.credit -= entry.size();
    }
    device.next += part.size();
  }

  private void readPage(AttachedDevice device) {
    device.reading = true;
    long number = device.attachment.number();
    long budget = Math.min(Math.max(device.credit, 1), device.pageBytes);
    long upTo = commits.durable().head();
    var page =
        environment
            .log()
            .read(id, extent.journalOf(device.next), device.next)
            .takeWhile(entry -> entry.number() <= upTo)
            .statefulMap(
                () -> 0L,
                (sum, entry) -> {
                  long with = sum + entry.entry().size();
                  return Pair.create(with, Pair.create(sum == 0 || with <= budget, entry));
                },
                sum -> Optional.empty())
            .takeWhile(Pair::first)
            .map(Pair::second)
            .runWith(Sink.seq(), context.getSystem());
    context.pipeToSelf(
        page,
        (entries, failure) ->
            failure == null
                ? new SelfCommand.PageRead(number, entries)
                : new SelfCommand.PageFailed(number, failure));
  }

  void pageRead(SelfCommand.PageRead page) {
    find(page.attachment()).ifPresent(device -> pageRead(device, page.entries()));
  }

  private void pageRead(AttachedDevice device, List<LogEntry> found) {
    device.reading = false;
    device.pageBytes = PAGE_BYTES;
    if (found.isEmpty() || found.get(0).number() != device.next) {
      LOG.atError()
          .addKeyValue("session", id)
          .addKeyValue("entry", device.next)
          .log("the journal does not hold an entry that it should hold");
      detachNow(device, Code.INTERNAL, "the log could not be read");
      return;
    }
    environment.metrics().readFromJournal(found.size());
    send(device, found.stream().map(LogEntry::entry).toList());
    serve(device);
  }

  void pageFailed(SelfCommand.PageFailed failed) {
    find(failed.attachment()).ifPresent(device -> pageFailed(device, failed.cause()));
  }

  private void pageFailed(AttachedDevice device, Throwable cause) {
    if (UnreadableLogException.isCauseOf(cause)) {
      environment.metrics().unreadable();
      LOG.atError()
          .addKeyValue("session", id)
          .setCause(cause)
          .log("a device could not be given a part of the log");
      detachNow(device, Code.INTERNAL, UnreadableLogException.TEXT);
      return;
    }
    LOG.atWarn()
        .addKeyValue("session", id)
        .setCause(cause)
        .log("the journal could not be read for a device");
    detachNow(device, Code.OVERLOADED, "the log cannot be read just now");
  }
}
