package io.clawterm.edge;

import akka.Done;
import akka.japi.Pair;
import akka.stream.Attributes;
import akka.stream.Materializer;
import akka.stream.SinkRef;
import akka.stream.SourceRef;
import akka.stream.StreamRefAttributes;
import akka.stream.javadsl.Keep;
import akka.stream.javadsl.StreamConverters;
import akka.stream.javadsl.StreamRefs;
import akka.util.ByteString;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pod's end of a connection that another node uses ({@link RelayedPipe}): carries the bytes
 * between the pod's socket and that node, and ends the one with the other.
 */
final class PodRelay {

  private static final Logger log = LoggerFactory.getLogger(PodRelay.class);

  /** Who has asked in vain may have gone: then nobody takes up what is offered. */
  private static final Attributes REF =
      RelayedPipe.ON_ITS_WAY.and(
          StreamRefAttributes.subscriptionTimeout(RelayedPipe.OPEN_LIMIT.multipliedBy(2)));

  private final PodRoute.Pipe pod;
  private final InputStream fromSession;
  private final OutputStream toSession;
  private final Runnable over;
  private final AtomicInteger directions = new AtomicInteger(2);

  private PodRelay(
      PodRoute.Pipe pod, InputStream fromSession, OutputStream toSession, Runnable over) {
    this.pod = pod;
    this.fromSession = fromSession;
    this.toSession = toSession;
    this.over = over;
  }

  /**
   * Begins to carry.
   *
   * @param pod is closed at the end
   * @param streams ends all that it carries when it is shut down
   * @param over run once both directions have ended
   * @return what the other node needs
   */
  static PodDoor.Opened begin(PodRoute.Pipe pod, Materializer streams, Runnable over) {
    Pair<Pair<OutputStream, CompletionStage<Done>>, SourceRef<ByteString>> output =
        StreamConverters.asOutputStream(RelayedPipe.NEVER)
            .addAttributes(RelayedPipe.BUFFER)
            .watchTermination(Pair::create)
            .toMat(StreamRefs.<ByteString>sourceRef().addAttributes(REF), Keep.both())
            .run(streams);
    Pair<SinkRef<ByteString>, InputStream> input =
        StreamRefs.<ByteString>sinkRef()
            .addAttributes(REF)
            .toMat(
                StreamConverters.asInputStream(RelayedPipe.NEVER).addAttributes(RelayedPipe.BUFFER),
                Keep.both())
            .run(streams);
    var relay = new PodRelay(pod, input.second(), output.first().first(), over);
    Thread out = Thread.ofVirtual().name("clawterm-relay-out").start(relay::carryOutput);
    Thread.ofVirtual().name("clawterm-relay-in").start(relay::carryInput);
    // The other node has closed the connection, or is gone: seen here even if the pod is silent.
    var unused =
        output
            .first()
            .second()
            .whenComplete((done, failure) -> {
              relay.endPod();
              out.interrupt(); // a write that waits for room would wait on
            });
    return new PodDoor.Opened(output.second(), input.first());
  }

  /** Whatever goes wrong here, what the pod has still to say is carried to its end. */
  private void carryInput() {
    try (OutputStream to = pod.output()) {
      fromSession.transferTo(to);
    } catch (IOException e) {
      log.atDebug().setCause(e).log("a relayed pod takes no more");
    } finally {
      end();
    }
  }

  private void carryOutput() {
    try {
      talkOn();
    } catch (IOException e) {
      log.atDebug().setCause(e).log("a relayed connection to a pod broke off");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // this thread ends here
    } finally {
      endPod();
      end();
    }
  }

  /** The stream's end throws what it does not declare. */
  private void talkOn() throws IOException, InterruptedException {
    try (toSession) {
      pod.input().transferTo(toSession);
    }
  }

  private void end() {
    if (directions.decrementAndGet() == 0) {
      over.run();
    }
  }

  private void endPod() {
    try {
      pod.close();
    } catch (IOException e) {
      // Its descriptor is gone whatever the close said.
      log.atDebug().setCause(e).log("a relayed connection to a pod was not closed in order");
    }
  }
}
