package io.clawterm.edge;

import akka.actor.typed.ActorSystem;
import akka.stream.Attributes;
import akka.stream.KillSwitches;
import akka.stream.SharedKillSwitch;
import akka.stream.StreamRefAttributes;
import akka.stream.javadsl.StreamConverters;
import akka.util.ByteString;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The session's end of a connection that goes through the node on whose machine the pod is; {@link
 * PodRelay} is the other. Where a node dies, or a part of a stream between them is lost, both ends
 * break off: it is a lost connection like any other.
 */
final class RelayedPipe implements PodRoute.Pipe {

  /** Nobody waits for so long: who owns the connection closes it when it is silent. */
  static final Duration NEVER = Duration.ofDays(1);

  /** For an answer to the question for a connection. */
  static final Duration OPEN_LIMIT = Duration.ofSeconds(5);

  /** What waits belongs where it can be counted, with the session or the pod. */
  static final Attributes BUFFER = Attributes.inputBuffer(1, 1);

  /** What is on its way to a receiver at most, in pieces of 16 KiB or less. */
  static final Attributes ON_ITS_WAY = StreamRefAttributes.bufferCapacity(8);

  private final SharedKillSwitch end = KillSwitches.shared("relayed");
  private final InputStream input;
  private final OutputStream output;

  RelayedPipe(PodDoor.Opened opened, ActorSystem<?> system) {
    input =
        opened
            .output()
            .getSource()
            .addAttributes(ON_ITS_WAY)
            .via(end.<ByteString>flow())
            .runWith(StreamConverters.asInputStream(NEVER).addAttributes(BUFFER), system);
    output =
        StreamConverters.asOutputStream(NEVER)
            .addAttributes(BUFFER)
            .via(end.<ByteString>flow())
            .watchTermination((stream, done) -> {
              var unused = done.whenComplete((ok, failure) -> endWith(failure));
              return stream;
            })
            .to(opened.input().getSink())
            .run(system);
  }

  /** A direction that is broken ends the other one. */
  private void endWith(@Nullable Throwable failure) {
    if (failure != null) {
      end.abort(failure);
    }
  }

  @Override
  public InputStream input() {
    return input;
  }

  @Override
  public OutputStream output() {
    return output;
  }

  @Override
  public void close() {
    end.abort(new IOException("the connection was closed"));
  }
}
