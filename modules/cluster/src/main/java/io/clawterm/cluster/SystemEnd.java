package io.clawterm.cluster;

import akka.Done;
import akka.actor.ActorPath;
import akka.actor.ActorRefProvider;
import akka.actor.CoordinatedShutdown;
import akka.actor.ExtendedActorSystem;
import akka.actor.InternalActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.Adapter;
import akka.cluster.Cluster;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** The end of an actor system of ours, whatever its connections to other nodes do. */
public final class SystemEnd {

  private SystemEnd() {}

  /**
   * Ends it in good order. An actor of Akka waits until all connections to other nodes have ended;
   * with TLS one may never do so (akka-core issue 29162), and the system would go on half alive in
   * a process that lasts: its listeners answer, its timers fire. So that actor is stopped when the
   * phase in which the system ends is over, and the rest follows.
   *
   * @return completed when nothing of it is left
   */
  public static CompletionStage<?> of(ActorSystem<?> system) {
    CompletableFuture<Done> ended = system.getWhenTerminated().toCompletableFuture();
    return CoordinatedShutdown.get(system)
        .runAll(CoordinatedShutdown.actorSystemTerminateReason())
        .thenCompose(done -> {
          if (!ended.isDone()) {
            waitsForConnections(system).stop();
          }
          return ended;
        });
  }

  /**
   * Ends it as well if it hangs once it was taken out of its cluster: until then it ends by itself.
   *
   * @param patience how long that may take; longer than the phases in which a system ends
   */
  public static void onceTakenOut(ActorSystem<?> system, Duration patience) {
    Executor later = CompletableFuture.delayedExecutor(patience.toMillis(), TimeUnit.MILLISECONDS);
    Cluster.get(system)
        .registerOnMemberRemoved(() ->
            later.execute(() -> {
              var unused = of(system);
            }));
  }

  /** The actor that lets the system end only after all of its connections to other nodes. */
  static InternalActorRef waitsForConnections(ActorSystem<?> system) {
    ActorRefProvider provider = ((ExtendedActorSystem) Adapter.toClassic(system)).provider();
    ActorPath path = provider.rootPath().child("system").child("remoting-terminator");
    return (InternalActorRef) provider.resolveActorRef(path);
  }
}
