package io.clawterm.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Collections;
import org.junit.jupiter.api.Test;

/** What decoding allocates, counted by the JVM for this thread. */
class FrameDecoderMemoryTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final int FRAMES = 600;

  /** A Frame has 28 bytes of fields and header with short pointers, 40 without. */
  private static final long ONE_OBJECT = 40;

  private static final Frame FRAME = Frame.of(5, 1, FrameType.DATA, 0, new byte[100]);

  @Test
  void aFrameInsideAChunkCostsOneObject() {
    byte[] chunk = Streams.join(Collections.nCopies(FRAMES, FRAME));

    assertThat(leastAllocated(chunk, chunk.length) / FRAMES).isLessThanOrEqualTo(ONE_OBJECT);
  }

  @Test
  void aCutFrameCostsOneArrayMore() {
    byte[] chunk = Streams.join(Collections.nCopies(FRAMES, FRAME));
    int arrayHeader = 24;

    // Chunks a little shorter than a frame cut every one.
    assertThat(leastAllocated(chunk, FRAME.length() - 10) / FRAMES)
        .isLessThanOrEqualTo(ONE_OBJECT + arrayHeader + FRAME.length());
  }

  @Test
  void anAnnouncedLengthAboveTheLimitAllocatesNothingOfIt() {
    byte[] header = Frame.of(5, 1, FrameType.DATA, 0, new byte[Frame.MAX_PAYLOAD]).toBytes();

    long least = Long.MAX_VALUE;
    for (int round = 0; round < 50; round++) {
      var decoder = new FrameDecoder(4096);
      decoder.feed(header, 0, Frame.HEADER);
      long before = THREADS.getCurrentThreadAllocatedBytes();
      try {
        assertThat(decoder.next()).isNotNull();
      } catch (MalformedFrameException e) {
        least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - before);
      }
    }

    // The exception with its message and stack trace is all.
    assertThat(least).isLessThan(Frame.MAX_PAYLOAD / 4);
  }

  /** The least of several rounds: the first ones load classes and link call sites. */
  private static long leastAllocated(byte[] bytes, int chunkLength) {
    long least = Long.MAX_VALUE;
    for (int round = 0; round < 50; round++) {
      var decoder = new FrameDecoder(Frame.MAX_PAYLOAD);
      int decoded = 0;
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int at = 0; at < bytes.length; at += chunkLength) {
        decoder.feed(bytes, at, Math.min(chunkLength, bytes.length - at));
        while (decoder.next() != null) {
          decoded++;
        }
      }
      long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
      assertThat(decoded).isEqualTo(FRAMES);
      least = Math.min(least, allocated);
    }
    return least;
  }
}
