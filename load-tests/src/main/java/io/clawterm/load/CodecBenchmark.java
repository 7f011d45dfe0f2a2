package io.clawterm.load;

import io.clawterm.protocol.Crc16;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameDecoder;
import io.clawterm.protocol.FrameType;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/**
 * Frames with 100 bytes of payload through the codec, 500 at a time, beside two lower bounds: a
 * copy of the same bytes, and their checksums alone.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(2)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class CodecBenchmark {

  private static final int FRAMES = 500;
  private static final int PAYLOAD = 100;
  private static final int LENGTH = Frame.OVERHEAD + PAYLOAD;

  private final byte[] payload = payload();
  private final byte[] source = frames();
  private final byte[] target = new byte[FRAMES * LENGTH];

  private static byte[] payload() {
    byte[] bytes = new byte[PAYLOAD];
    new Random(1).nextBytes(bytes);
    return bytes;
  }

  private byte[] frames() {
    byte[] bytes = new byte[FRAMES * LENGTH];
    for (int i = 0; i < FRAMES; i++) {
      Frame.write(bytes, i * LENGTH, 7, i, FrameType.DATA, 0, payload, 0, PAYLOAD);
    }
    return bytes;
  }

  /** Frames into one buffer, as a sender of many does. */
  @Benchmark
  @OperationsPerInvocation(FRAMES)
  public byte[] encode() {
    for (int i = 0; i < FRAMES; i++) {
      Frame.write(target, i * LENGTH, 7, i, FrameType.DATA, 0, payload, 0, PAYLOAD);
    }
    return target;
  }

  /** Frames out of one chunk, with a copy of each payload. */
  @Benchmark
  @OperationsPerInvocation(FRAMES)
  public void decode(Blackhole hole) {
    var decoder = new FrameDecoder(Frame.MAX_PAYLOAD);
    decoder.feed(source, 0, source.length);
    for (Frame frame = decoder.next(); frame != null; frame = decoder.next()) {
      hole.consume(frame.payload());
    }
  }

  /** Lower bound: the same bytes copied, frame by frame. */
  @Benchmark
  @OperationsPerInvocation(FRAMES)
  public byte[] copy() {
    for (int i = 0; i < FRAMES; i++) {
      System.arraycopy(source, i * LENGTH, target, i * LENGTH, LENGTH);
    }
    return target;
  }

  /** Lower bound: the checksums of the same frames. */
  @Benchmark
  @OperationsPerInvocation(FRAMES)
  public int checksum() {
    int sum = 0;
    for (int i = 0; i < FRAMES; i++) {
      sum += Crc16.of(source, i * LENGTH, LENGTH - Short.BYTES);
    }
    return sum;
  }
}
