package io.clawterm.session;

import akka.actor.testkit.typed.javadsl.TestProbe;
import io.clawterm.api.Principal;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Mode;
import io.clawterm.telemetry.TraceContext;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** A device's connection, as an edge would hold it. */
final class TestDevice {

  private static final Duration QUIET = Duration.ofMillis(150);
  private static long numbers = 1_000;

  final TestSession session;
  final String name;
  final TestProbe<DeviceMessage> edge;
  final long number;
  Mode mode = Mode.SHARE;
  long window = 1_000_000;
  Optional<Attachment.WindowSize> size = Optional.empty();

  TestDevice(TestSession session, String name, TestProbe<DeviceMessage> edge) {
    this.session = session;
    this.name = name;
    this.edge = edge;
    synchronized (TestDevice.class) {
      number = ++numbers;
    }
  }

  TestDevice mode(Mode wanted) {
    mode = wanted;
    return this;
  }

  TestDevice window(long bytes) {
    window = bytes;
    return this;
  }

  TestDevice size(int columns, int rows) {
    size = Optional.of(new Attachment.WindowSize(columns, rows));
    return this;
  }

  Attachment attachment() {
    return new Attachment(number, name, edge.getRef(), mode, window, size);
  }

  TestDevice connect() {
    return connect(Optional.of("main"), Principal.LOCAL);
  }

  TestDevice connect(Optional<String> key, Principal principal) {
    tell(new SessionCommand.Connect(principal, "agent:main", key, Optional.empty(), attachment()));
    return this;
  }

  TestDevice resume(long token, long last) {
    tell(new SessionCommand.Resume(Principal.LOCAL, token, last, attachment()));
    return this;
  }

  void input(long first, String... texts) {
    tell(new SessionCommand.Input(number, first, Arrays.stream(texts).map(this::frame).toList()));
  }

  /** Input that stands in a trace. */
  void input(long first, TraceContext trace, String text) {
    tell(new SessionCommand.Input(number, first, List.of(frame(text)), Optional.of(trace)));
  }

  void structured(long first, String json, boolean more) {
    var frame = new SessionCommand.InputFrame(Bytes.of(json), true, more);
    tell(new SessionCommand.Input(number, first, List.of(frame)));
  }

  SessionCommand.InputFrame frame(String text) {
    return new SessionCommand.InputFrame(Bytes.of(text), false, false);
  }

  void suspend() {
    tell(new SessionCommand.Suspend(number, 0, Optional.empty()));
  }

  void detach() {
    tell(new SessionCommand.Detach(number, 0));
  }

  void release(long bytes, long acknowledged) {
    tell(new SessionCommand.Release(number, bytes, acknowledged));
  }

  void resize(int columns, int rows) {
    tell(new SessionCommand.Resize(number, new Attachment.WindowSize(columns, rows)));
  }

  void tell(SessionCommand command) {
    session.actor().tell(command);
  }

  DeviceMessage.Attached attached() {
    return expect(DeviceMessage.Attached.class);
  }

  DeviceMessage.Refused refused() {
    return expect(DeviceMessage.Refused.class);
  }

  DeviceMessage.Output output() {
    return expect(DeviceMessage.Output.class);
  }

  long durable() {
    return expect(DeviceMessage.InputDurable.class).upTo();
  }

  /** The next acknowledgement, after whatever output still comes. */
  long durableSkippingOutput() {
    return durableSkippingOutput(output -> {});
  }

  /** The next acknowledgement; the output before it is given to the consumer. */
  long durableSkippingOutput(Consumer<DeviceMessage.Output> before) {
    DeviceMessage message = edge.receiveMessage();
    while (message instanceof DeviceMessage.Output output) {
      before.accept(output);
      message = edge.receiveMessage();
    }
    if (message instanceof DeviceMessage.InputDurable durable) {
      return durable.upTo();
    }
    throw new AssertionError("expected an acknowledgement, not " + message);
  }

  /** Whether this acknowledgement is among all that was said up to the end of the attachment. */
  boolean wasToldDurable(long upTo) {
    boolean told = false;
    DeviceMessage message = edge.receiveMessage();
    while (!(message instanceof DeviceMessage.Detached)) {
      told |= message instanceof DeviceMessage.InputDurable durable && durable.upTo() >= upTo;
      message = edge.receiveMessage();
    }
    return told;
  }

  /** The end of the attachment, after whatever output still comes. */
  Code detached() {
    DeviceMessage message = edge.receiveMessage();
    while (message instanceof DeviceMessage.Output) {
      message = edge.receiveMessage();
    }
    if (message instanceof DeviceMessage.Detached detached && detached.attachment() == number) {
      return detached.code();
    }
    throw new AssertionError("expected the end of attachment " + number + ", not " + message);
  }

  /** The output up to this number, which must come without a hole from {@code first} on. */
  List<Entry> outputUpTo(long first, long last) {
    List<Entry> entries = new ArrayList<>();
    while (first + entries.size() <= last) {
      DeviceMessage.Output output = output();
      if (output.firstNumber() != first + entries.size()) {
        throw new AssertionError(
            "entry " + output.firstNumber() + " came after " + (first + entries.size() - 1));
      }
      entries.addAll(output.entries());
    }
    return entries;
  }

  void hearsNothing() {
    edge.expectNoMessage(QUIET);
  }

  private <T extends DeviceMessage> T expect(Class<T> type) {
    T message = edge.expectMessageClass(type);
    if (message.attachment() != number || !message.session().equals(session.id)) {
      throw new AssertionError("not for attachment " + number + ": " + message);
    }
    return message;
  }
}
