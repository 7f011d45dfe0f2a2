package io.clawterm.session;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import io.clawterm.api.Principal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a session is, as its events make it. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "is")
@JsonSubTypes({
  @JsonSubTypes.Type(value = SessionState.Absent.class, name = "absent"),
  @JsonSubTypes.Type(value = SessionState.Arriving.class, name = "arriving"),
  @JsonSubTypes.Type(value = SessionState.Open.class, name = "open"),
  @JsonSubTypes.Type(value = SessionState.Ended.class, name = "ended")
})
sealed interface SessionState extends Stored {

  /** The newest entry number. */
  long head();

  /** Whether the target has something to do. */
  default boolean hasWork() {
    return false;
  }

  /** The state after a commit. */
  default SessionState after(SessionEvent event) {
    if (event.head() != head()) {
      throw new IllegalStateException(
          "a commit that follows entry " + event.head() + " came after entry " + head());
    }
    SessionState state = this;
    for (SessionEvent.Change change : event.changes()) {
      state = state.with(change, event.at());
    }
    long bytesBefore =
        switch (this) {
          case Open open -> open.log().bytes();
          case Arriving arriving -> arriving.log().bytes();
          case Absent absent -> 0;
          case Ended ended -> 0;
        };
    return switch (state) {
      case Open open -> open.committed(event, bytesBefore);
      case Arriving arriving -> arriving.committed(event, bytesBefore);
      case Absent absent -> absent;
      case Ended ended -> ended;
    };
  }

  /**
   * Where this state is what the event's changes have made of {@code before} already, at the times
   * when each was decided: the state after the event. Empty where those times may show in it.
   */
  default Optional<SessionState> decided(SessionEvent event, SessionState before) {
    return this instanceof Open now && before instanceof Open open
        ? Optional.of(now.committed(event, open.log().bytes()))
        : Optional.empty();
  }

  /** The state after one change; refuses what cannot follow. */
  SessionState with(SessionEvent.Change change, Instant at);

  /** No such session yet. */
  record Absent() implements SessionState {
    @Override
    public long head() {
      return 0;
    }

    @Override
    public SessionState with(SessionEvent.Change change, Instant at) {
      if (change instanceof SessionEvent.Created created) {
        return new Open(
            new Identity(
                created.owner(),
                created.key(),
                created.target(),
                created.style(),
                created.incarnation(),
                at,
                Optional.empty()),
            created.expirySeconds(),
            new LogExtent(1, 0, 0, List.of()),
            new InputQueue(0, 0, List.of()),
            Map.of(),
            Optional.empty(),
            at,
            0);
      }
      if (change instanceof SessionEvent.ImportBegun begun) {
        return Arriving.of(begun, 0, at);
      }
      throw new IllegalStateException("nothing can follow but created: " + change);
    }
  }

  /**
   * A bundle of which a part is stored; for all but its import there is no such session.
   *
   * @param bundle the bundle's digest
   * @param waiting the input that its target has not consumed, as far as it is stored
   * @param events how many commits there are: the journal's sequence number
   */
  record Arriving(
      Principal owner,
      String bundle,
      LogExtent log,
      List<TargetCommand.TargetInput> waiting,
      long events)
      implements SessionState {

    public Arriving {
      waiting = List.copyOf(waiting);
    }

    /**
     * The mark keeps each reader of the log behind what an import before has left in the journal.
     */
    static Arriving of(SessionEvent.ImportBegun begun, long events, Instant at) {
      return new Arriving(
          begun.owner(),
          begun.bundle(),
          new LogExtent(
              begun.firstNumber(),
              begun.firstNumber() - 1,
              0,
              List.of(new LogExtent.Mark(1, events + 1, 0, at))),
          List.of(),
          events);
    }

    @Override
    public long head() {
      return log.head();
    }

    /** The number of the newest input that is stored; 0: none. */
    long lastInput() {
      return waiting.isEmpty() ? 0 : waiting.getLast().number();
    }

    Arriving committed(SessionEvent event, long bytesBefore) {
      boolean entries = event.changes().getFirst() instanceof SessionEvent.Emitted;
      LogExtent extent =
          entries ? log.mark(event.head() + 1, events + 1, bytesBefore, event.at()) : log;
      return new Arriving(owner, bundle, extent, waiting, events + 1);
    }

    @Override
    public SessionState with(SessionEvent.Change change, Instant at) {
      return switch (change) {
        case SessionEvent.ImportBegun begun -> of(begun, events, at);
        case SessionEvent.Emitted emitted -> {
          long size = emitted.entries().stream().mapToLong(Entry::size).sum();
          LogExtent extent = log.plus(emitted.entries().size(), size);
          yield new Arriving(owner, bundle, extent, waiting, events);
        }
        case SessionEvent.InputImported input -> {
          List<TargetCommand.TargetInput> more = new ArrayList<>(waiting);
          more.addAll(input.inputs());
          yield new Arriving(owner, bundle, log, more, events);
        }
        case SessionEvent.Imported imported -> with(imported, at);
        case SessionEvent.Created c -> throw impossible(change);
        case SessionEvent.DeviceAttached a -> throw impossible(change);
        case SessionEvent.TokenConfirmed t -> throw impossible(change);
        case SessionEvent.InputReceived i -> throw impossible(change);
        case SessionEvent.DeviceDetached d -> throw impossible(change);
        case SessionEvent.Trimmed t -> throw impossible(change);
        case SessionEvent.Closed c -> throw impossible(change);
      };
    }

    private Open with(SessionEvent.Imported imported, Instant at) {
      return new Open(
          new Identity(
              imported.owner(),
              imported.key(),
              imported.target(),
              imported.style(),
              imported.incarnation(),
              imported.createdAt(),
              Optional.of(bundle)),
          imported.expirySeconds(),
          log,
          new InputQueue(imported.received(), imported.consumed(), waiting),
          Map.of(),
          imported.memo(),
          at,
          events);
    }

    private static IllegalStateException impossible(SessionEvent.Change change) {
      return new IllegalStateException("a session that is being imported has no " + change);
    }
  }

  /**
   * What never changes.
   *
   * @param bundle the digest of the bundle that the session was imported from
   */
  record Identity(
      Principal owner,
      Optional<String> key,
      String target,
      Target.InputStyle style,
      int incarnation,
      Instant createdAt,
      Optional<String> bundle) {}

  /**
   * A device that has been attached at some time.
   *
   * @param generation what its newest token was made of
   * @param shown the oldest generation that is good until the newest is confirmed: what it came
   *     with; 0: none
   * @param lastInput the highest input number of the device
   * @param acknowledged the highest output number that it had when it went
   * @param attached whether it is here; after a crash that is found to be over
   */
  record Device(long generation, long shown, long lastInput, long acknowledged, boolean attached) {

    /**
     * Whether a token of this generation may resume: the newest, and until that is confirmed the
     * one that was good before and all in between. A CONNECT or RESUME that was late on its way
     * must not lock out the device that has sent another since.
     */
    boolean isGood(long token) {
      return oldestGood() <= token && token <= generation;
    }

    long oldestGood() {
      return shown == 0 ? generation : shown;
    }
  }

  /**
   * A session that can be used.
   *
   * @param touchedAt when something was last committed
   * @param events how many commits there are: the journal's sequence number
   */
  record Open(
      Identity identity,
      long expirySeconds,
      LogExtent log,
      InputQueue input,
      Map<String, Device> devices,
      Optional<TargetMemo> memo,
      Instant touchedAt,
      long events)
      implements SessionState {

    public Open {
      devices = Map.copyOf(devices);
    }

    @Override
    public long head() {
      return log.head();
    }

    /** Whether the target has something to do: after a crash the session is woken for it. */
    @Override
    public boolean hasWork() {
      return !input.waiting().isEmpty() || (memo.isPresent() && memo.get().open());
    }

    Open committed(SessionEvent event, long bytesBefore) {
      return new Open(
          identity,
          expirySeconds,
          log.mark(event.head() + 1, events + 1, bytesBefore, event.at()),
          input.traced(event),
          devices,
          memo,
          event.at(),
          events + 1);
    }

    @Override
    public SessionState with(SessionEvent.Change change, Instant at) {
      return switch (change) {
        case SessionEvent.Created created ->
            throw new IllegalStateException("created twice: " + created);
        case SessionEvent.DeviceAttached attached -> with(attached);
        case SessionEvent.TokenConfirmed confirmed -> {
          Device device = device(confirmed.device());
          yield with(
              confirmed.device(),
              new Device(
                  device.generation(),
                  0,
                  device.lastInput(),
                  device.acknowledged(),
                  device.attached()));
        }
        case SessionEvent.InputReceived received -> with(received);
        case SessionEvent.Emitted emitted -> with(emitted);
        case SessionEvent.DeviceDetached detached -> with(detached, at);
        case SessionEvent.Trimmed trimmed -> with(log.from(trimmed.first()), input, memo);
        case SessionEvent.Closed closed ->
            new Ended(identity, log.head(), events + 1, closed.reason(), at);
        case SessionEvent.ImportBegun begun ->
            throw new IllegalStateException("an import into a session that exists: " + begun);
        case SessionEvent.InputImported input ->
            throw new IllegalStateException("an import into a session that exists");
        case SessionEvent.Imported imported ->
            throw new IllegalStateException("an import into a session that exists");
      };
    }

    Device device(String name) {
      Device device = devices.get(name);
      if (device == null) {
        throw new IllegalStateException("no device " + name + " was ever attached");
      }
      return device;
    }

    private Open with(SessionEvent.DeviceAttached attached) {
      Device known = devices.getOrDefault(attached.device(), new Device(0, 0, 0, 0, false));
      return with(
          attached.device(),
          new Device(
              attached.generation(),
              attached.shown(),
              known.lastInput(),
              known.acknowledged(),
              true));
    }

    /**
     * What input becomes.
     *
     * @param log with the entries that it has
     * @param inputs what the target is given
     */
    record Received(LogExtent log, List<TargetCommand.TargetInput> inputs) {}

    /** What this input becomes when it follows this state. */
    Received received(SessionEvent.InputReceived received) {
      List<TargetCommand.TargetInput> inputs = new ArrayList<>(received.frames().size());
      LogExtent extent = log;
      long number = input.received();
      for (SessionCommand.InputFrame frame : received.frames()) {
        number++;
        Optional<Long> entry = Optional.empty();
        if (received.logged()) {
          entry = Optional.of(extent.head() + 1);
          for (Entry shown : Entries.ofInput(received.device(), frame)) {
            extent = extent.plus(1, shown.size());
          }
        }
        inputs.add(
            new TargetCommand.TargetInput(
                number, received.device(), frame.body(), frame.event(), frame.more(), entry));
      }
      return new Received(extent, inputs);
    }

    private Open with(SessionEvent.InputReceived received) {
      Device device = device(received.device());
      if (received.firstNumber() != device.lastInput() + 1) {
        throw new IllegalStateException(
            "input " + received.firstNumber() + " after " + device.lastInput());
      }
      Received fresh = received(received);
      long number = input.received() + received.frames().size();
      boolean kept = identity.style() != Target.InputStyle.VOLATILE;
      List<TargetCommand.TargetInput> waiting = new ArrayList<>(input.waiting());
      if (kept) {
        waiting.addAll(fresh.inputs());
      }
      var queue = new InputQueue(number, kept ? input.consumed() : number, waiting);
      return with(fresh.log(), queue, memo)
          .with(
              received.device(),
              new Device(
                  device.generation(),
                  device.shown(),
                  device.lastInput() + received.frames().size(),
                  device.acknowledged(),
                  device.attached()));
    }

    private Open with(SessionEvent.Emitted emitted) {
      long size = 0;
      for (Entry entry : emitted.entries()) {
        size += entry.size();
      }
      InputQueue queue =
          emitted.consumedUpTo().isPresent()
              ? input.consumedUpTo(emitted.consumedUpTo().getAsLong())
              : input;
      return with(log.plus(emitted.entries().size(), size), queue, emitted.memo().or(() -> memo));
    }

    /** The time without a device counts from here, even before the commit. */
    private Open with(SessionEvent.DeviceDetached detached, Instant at) {
      Device device = device(detached.device());
      Open changed =
          with(
              detached.device(),
              new Device(
                  device.generation(),
                  device.shown(),
                  device.lastInput(),
                  Math.max(device.acknowledged(), detached.acknowledged()),
                  false));
      return new Open(
          identity,
          detached.expirySeconds().orElse(expirySeconds),
          changed.log(),
          changed.input(),
          changed.devices(),
          memo,
          at,
          events);
    }

    private Open with(LogExtent extent, InputQueue queue, Optional<TargetMemo> newMemo) {
      return new Open(identity, expirySeconds, extent, queue, devices, newMemo, touchedAt, events);
    }

    private Open with(String name, Device device) {
      Map<String, Device> changed;
      if (devices.size() <= 1 && (devices.isEmpty() || devices.containsKey(name))) {
        // Nearly each session has one device.
        changed = Map.of(name, device);
      } else {
        changed = new HashMap<>(devices);
        changed.put(name, device);
      }
      return new Open(identity, expirySeconds, log, input, changed, memo, touchedAt, events);
    }
  }

  /** A session that is over; its id is not given out again. */
  record Ended(Identity identity, long head, long events, String reason, Instant at)
      implements SessionState {
    @Override
    public SessionState with(SessionEvent.Change change, Instant when) {
      throw new IllegalStateException("nothing can follow the end: " + change);
    }
  }
}
