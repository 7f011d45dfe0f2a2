package io.clawterm.cluster;

import akka.actor.ExtendedActorSystem;
import akka.coordination.lease.LeaseSettings;
import akka.coordination.lease.javadsl.Lease;
import io.clawterm.storage.StorageException;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The lease for which the sides of a split compete: of two halves one wins. Made by Akka's split
 * brain resolver, which names it in its settings.
 *
 * <p>It decides who goes on, and no more than that: who does not is fenced by {@link
 * FencingResolver}. A node that is fenced itself never gets it.
 */
abstract class SplitLease extends Lease {

  private static final long AGAIN_SECONDS = 1;

  private final LeaseSettings settings;
  private final ExtendedActorSystem system;
  private final NodeFence fence;
  private final Executor blocking;

  SplitLease(LeaseSettings settings, ExtendedActorSystem system) {
    this.settings = settings;
    this.system = system;
    this.fence = NodeFence.of(system);
    this.blocking = system.dispatchers().lookup("akka.actor.default-blocking-io-dispatcher");
  }

  /**
   * Takes it where nobody has it, or whoever had it let it run out; blocks.
   *
   * @throws IOException where there is no answer
   */
  abstract boolean take() throws IOException;

  /**
   * Gives it up where this owner has it; blocks.
   *
   * @throws IOException where there is no answer
   */
  abstract void giveUp() throws IOException;

  /** How long it outlives its owner. */
  final Duration length() {
    return settings.leaseConfig().getDuration("heartbeat-timeout");
  }

  /** Two actor systems may take themselves to have the same address. */
  final String owner() {
    return settings.ownerName() + "#" + fence.number();
  }

  @Override
  public final LeaseSettings getSettings() {
    return settings;
  }

  @Override
  public final CompletionStage<Boolean> acquire() {
    return CompletableFuture.supplyAsync(this::decide, blocking)
        .thenCompose(taken ->
            taken.isPresent() ? CompletableFuture.completedFuture(taken.get()) : acquireLater());
  }

  /** It is not renewed: the resolver decides at once when it has got it. */
  @Override
  public final CompletionStage<Boolean> acquire(Consumer<Optional<Throwable>> whenLost) {
    return acquire();
  }

  /** Empty while there is no answer: "no" would make the resolver end its own side. */
  private Optional<Boolean> decide() {
    try {
      return Optional.of(fence.mayDecide() && take());
    } catch (IOException | StorageException e) {
      system.log().warning("no decision about lost nodes yet: {}", e.getMessage());
      return Optional.empty();
    }
  }

  private CompletionStage<Boolean> acquireLater() {
    return CompletableFuture.supplyAsync(
            () -> true, CompletableFuture.delayedExecutor(AGAIN_SECONDS, TimeUnit.SECONDS))
        .thenCompose(due ->
            system.whenTerminated().isCompleted()
                ? CompletableFuture.completedFuture(false)
                : acquire());
  }

  @Override
  public final CompletionStage<Boolean> release() {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            giveUp();
            return true;
          } catch (IOException | StorageException e) {
            system.log().warning("the lease runs out by itself: {}", e.getMessage());
            return false;
          }
        },
        blocking);
  }

  /** Never taken for granted: each decision asks anew, as somebody may have decided since. */
  @Override
  public final boolean checkLease() {
    return false;
  }
}
