package io.clawterm.agent;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.OptionalLong;

/** Which input frames are done; the session forgets them in order only. */
final class InputLedger {

  /** What a session counts for each frame beside its body. */
  private static final int FRAME_BYTES = 64;

  private final Deque<Frame> frames = new ArrayDeque<>();

  private static final class Frame {
    private final long number;
    private final int bytes;
    private int open;

    private Frame(long number, int bytes, int open) {
      this.number = number;
      this.bytes = bytes;
      this.open = open;
    }
  }

  /** A frame with so many messages came; none is done at once. */
  void add(long number, int bytes, int messages) {
    frames.addLast(new Frame(number, bytes, messages));
  }

  /** One message of a frame is done. */
  void done(long number) {
    for (Frame frame : frames) {
      if (frame.number == number) {
        frame.open--;
        return;
      }
    }
  }

  /** The first frame that is not done; 0 if there is none. */
  long firstOpen() {
    for (Frame frame : frames) {
      if (frame.open > 0) {
        return frame.number;
      }
    }
    return 0;
  }

  /** What the session holds for the sake of the first frame that is not done. */
  long heldBytes() {
    long bytes = 0;
    boolean held = false;
    for (Frame frame : frames) {
      held = held || frame.open > 0;
      bytes += held ? frame.bytes + FRAME_BYTES : 0;
    }
    return bytes;
  }

  /** Takes out what is done at the front; the highest number of it, if there is any. */
  OptionalLong consumed() {
    OptionalLong consumed = OptionalLong.empty();
    while (!frames.isEmpty() && frames.getFirst().open <= 0) {
      consumed = OptionalLong.of(frames.removeFirst().number);
    }
    return consumed;
  }
}
