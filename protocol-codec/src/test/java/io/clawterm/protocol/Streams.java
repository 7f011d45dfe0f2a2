package io.clawterm.protocol;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Frames to one stream of bytes and back. */
final class Streams {
  private Streams() {}

  static byte[] join(List<Frame> frames) {
    var bytes = new ByteArrayOutputStream();
    for (Frame frame : frames) {
      bytes.writeBytes(frame.toBytes());
    }
    return bytes.toByteArray();
  }

  /** The frames that one chunk finishes. */
  static List<Frame> feed(FrameDecoder decoder, byte[] bytes, int offset, int length) {
    decoder.feed(bytes, offset, length);
    return drain(decoder);
  }

  static List<Frame> drain(FrameDecoder decoder) {
    List<Frame> frames = new ArrayList<>();
    for (@Nullable Frame frame = decoder.next(); frame != null; frame = decoder.next()) {
      frames.add(frame);
    }
    return frames;
  }
}
