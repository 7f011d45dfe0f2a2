package io.clawterm.edge;

import akka.Done;
import akka.actor.typed.ActorSystem;
import akka.japi.Pair;
import akka.stream.SinkRef;
import akka.stream.SourceRef;
import akka.stream.javadsl.Keep;
import akka.stream.javadsl.StreamConverters;
import akka.stream.javadsl.StreamRefs;
import akka.util.ByteString;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.CompletionStage;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pod's end of a connection that another node uses ({@link RelayedPipe}): carries the bytes
 * between the pod's socket and that node, and ends the one with the other.
 */
final class PodRelay {

  private static final Logger log = LoggerFactory.getLogger(PodRelay.class);

  private final PodRoute.Pipe pod;
  private final InputStream fromSession;
  private final OutputStream toSession;

  private PodRelay(PodRoute.Pipe pod, InputStream fromSession, OutputStream toSession) {
    this.pod = pod;
    this.fromSession = fromSession;
    this.toSession = toSession;
  }

  /**
   * Begins to carry.
   *
   * @param pod is closed at the end
   * @param over run once it has ended
   * @return what the other node needs
   */
  static PodDoor.Opened begin(PodRoute.Pipe pod, ActorSystem<?> system, Runnable over) {
    Pair<Pair<OutputStream, CompletionStage<Done>>, SourceRef<ByteString>> output =
        StreamConverters.asOutputStream(RelayedPipe.NEVER)
            .watchTermination(Pair::create)
            .toMat(StreamRefs.<ByteString>sourceRef(), Keep.both())
            .run(system);
    Pair<SinkRef<ByteString>, InputStream> input =
        StreamRefs.<ByteString>sinkRef()
            .toMat(StreamConverters.asInputStream(RelayedPipe.NEVER), Keep.both())
            .run(system);
    var relay = new PodRelay(pod, input.second(), output.first().first());
    // The other node has closed the connection, or is gone: seen here even if the pod is silent.
    var unused = output.first().second().whenComplete((done, failure) -> relay.endPod());
    Thread.ofVirtual().name("clawterm-relay").start(() -> relay.run(over));
    return new PodDoor.Opened(output.second(), input.first());
  }

  private void run(Runnable over) {
    Thread toPod = Thread.ofVirtual().name("clawterm-relay-in").start(this::carryInput);
    try {
      carryOutput();
      endPod();
      toPod.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      over.run();
    }
  }

  /** Whatever goes wrong here, what the pod has still to say is carried to its end. */
  private void carryInput() {
    try (OutputStream to = pod.output()) {
      fromSession.transferTo(to);
    } catch (IOException e) {
      log.atDebug().setCause(e).log("a relayed pod takes no more");
    }
  }

  private void carryOutput() {
    try (toSession) {
      pod.input().transferTo(toSession);
    } catch (IOException e) {
      log.atDebug().setCause(e).log("a relayed connection to a pod broke off");
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
