package io.clawterm.client;

import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import io.clawterm.protocol.Sequence;
import java.io.EOFException;
import java.io.IOException;

/**
 * The reading side of a session: output in order and without a hole, on its way to the application.
 * For the driver's thread alone.
 */
final class Receiver {
  private static final long UNKNOWN = -1;

  private final SessionRecord session;
  private final OutputQueue output;
  private final Sender sender;
  private final CodeTable codes;

  private long received = UNKNOWN;
  private boolean progress;

  Receiver(SessionRecord session, OutputQueue output, Sender sender, CodeTable codes) {
    this.session = session;
    this.output = output;
    this.sender = sender;
    this.codes = codes;
  }

  /** The highest number that has come in order, or what another process had; -1: nobody knows. */
  long received() {
    return received;
  }

  /** Goes on after this number. */
  void startAfter(long number) {
    received = number;
  }

  /** Output that this device holds for certain. */
  long holds() {
    return Math.max(received, 0);
  }

  /** Whether anything has come forward since the last time that this was asked. */
  boolean takeProgress() {
    boolean was = progress;
    progress = false;
    return was;
  }

  void progressed() {
    progress = true;
  }

  /** Tells the application what it will not get before this number. */
  void skipTo(Connection connection, long first) throws InterruptedException {
    long holds = holds();
    if (first > holds + 1) {
      deliver(connection, new Received.Gap(holds + 1, first - 1));
      received = first - 1;
    } else {
      received = holds;
    }
  }

  /** Reads until the attachment ends. */
  Outcome read(Connection connection) throws IOException, InterruptedException {
    int id = session.id().value();
    while (true) {
      Frame frame = connection.read();
      ClientException failed = sender.failure();
      if (failed != null) {
        return new Outcome.End(new Ending.Failed(failed));
      }
      if (frame == null) {
        throw new EOFException("the server closed the connection");
      }
      if (frame.type() != FrameType.DISCONNECT && frame.sessionId() != id) {
        throw new ClientException.ProtocolViolation(frame.type() + " of another session", null);
      }
      switch (frame.type()) {
        case DATA -> data(connection, frame);
        case KEEPALIVE -> acknowledged(frame);
        case DISCONNECT -> {
          if (frame.sessionId() == id) {
            acknowledged(frame);
          }
          return codes.outcome(frame.fields());
        }
        case CONNECT, ACCEPT, RESUME, RESUMED, SUSPEND ->
            throw new ClientException.ProtocolViolation(frame.type() + " within a session", null);
      }
      if (frame.has(Flags.ACK_NOW)) {
        sender.acknowledgeNow();
      }
    }
  }

  private void acknowledged(Frame frame) {
    progress |= sender.acknowledged(frame);
  }

  private void data(Connection connection, Frame frame) throws InterruptedException {
    long number = Sequence.extend(holds(), frame.seq());
    if (received == UNKNOWN) {
      skipTo(connection, number);
    }
    if (number <= received) {
      return;
    }
    if (number != received + 1) {
      throw new ClientException.ProtocolViolation(
          "output %d where %d belongs".formatted(number, received + 1), null);
    }
    received = number;
    progress = true;
    deliver(connection, new Received.Entry(number, frame.compact()));
  }

  private void deliver(Connection connection, Received next) throws InterruptedException {
    if (!output.isFull()) {
      output.put(next);
      return;
    }
    connection.holdReading(true);
    try {
      output.put(next);
    } finally {
      connection.holdReading(false);
    }
  }
}
