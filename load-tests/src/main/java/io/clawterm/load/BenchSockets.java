package io.clawterm.load;

import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.Behaviors;
import akka.io.TcpSO;
import akka.stream.Materializer;
import akka.stream.javadsl.Flow;
import akka.stream.javadsl.Keep;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.Tcp;
import akka.util.ByteString;
import com.typesafe.config.ConfigFactory;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A process that sends bytes back over the sockets of Akka Streams, the layer below {@code
 * TcpEdge}, and does nothing else: not even look for frames.
 */
final class BenchSockets {

  private BenchSockets() {}

  /** Prints its port; ends when its input ends. */
  public static void main(String[] args) throws Exception {
    ActorSystem<Void> system =
        ActorSystem.create(
            Behaviors.empty(), "bench", ConfigFactory.parseString("akka.loglevel = WARNING"));
    Materializer materializer = Materializer.matFromSystem(system);
    Tcp.ServerBinding binding =
        Tcp.get(system)
            .bind("127.0.0.1", 0, 1_024, List.of(TcpSO.tcpNoDelay(true)), true, Optional.empty())
            .toMat(
                Sink.foreach(
                    connection -> connection.handleWith(Flow.of(ByteString.class), materializer)),
                Keep.left())
            .run(materializer)
            .toCompletableFuture()
            .get(30, TimeUnit.SECONDS);
    BenchReport.line(Integer.toString(binding.localAddress().getPort()));
    if (System.in.read() != -1) {
      throw new IOException("nothing is expected on standard input");
    }
    System.exit(0);
  }
}
