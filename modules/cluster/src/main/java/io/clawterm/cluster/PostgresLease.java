package io.clawterm.cluster;

import akka.actor.ExtendedActorSystem;
import akka.coordination.lease.LeaseSettings;
import akka.coordination.lease.javadsl.Lease;
import io.clawterm.storage.Leases;
import io.clawterm.storage.StorageException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The lease for which the sides of a split compete, in the database that all nodes share: of two
 * halves one wins. Made by Akka's split brain resolver, which names it in its settings.
 *
 * <p>It decides who goes on, and no more than that: who does not is fenced by {@link
 * FencingResolver}. A node that is fenced itself never gets it.
 */
public final class PostgresLease extends Lease {

  private static final long AGAIN_SECONDS = 1;

  private final LeaseSettings settings;
  private final ExtendedActorSystem system;
  private final Leases leases;
  private final NodeFence fence;
  private final Executor blocking;
  private final Duration length;

  /** As Akka calls it. */
  public PostgresLease(LeaseSettings settings, ExtendedActorSystem system) {
    this.settings = settings;
    this.system = system;
    this.fence = NodeFence.of(system);
    this.leases = new Leases(fence.database());
    this.blocking = system.dispatchers().lookup("akka.actor.default-blocking-io-dispatcher");
    this.length = settings.leaseConfig().getDuration("heartbeat-timeout");
  }

  @Override
  public LeaseSettings getSettings() {
    return settings;
  }

  @Override
  public CompletionStage<Boolean> acquire() {
    return CompletableFuture.supplyAsync(this::take, blocking)
        .thenCompose(taken ->
            taken.isPresent() ? CompletableFuture.completedFuture(taken.get()) : acquireLater());
  }

  /** It is not renewed: the resolver decides at once when it has got it. */
  @Override
  public CompletionStage<Boolean> acquire(Consumer<Optional<Throwable>> whenLost) {
    return acquire();
  }

  /** Empty while the database does not answer: "no" would make the resolver end its own side. */
  private Optional<Boolean> take() {
    try {
      return Optional.of(
          fence.mayDecide() && leases.take(settings.leaseName(), owner(), length).isPresent());
    } catch (StorageException e) {
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

  /** Two actor systems may take themselves to have the same address. */
  private String owner() {
    return settings.ownerName() + "#" + fence.number();
  }

  @Override
  public CompletionStage<Boolean> release() {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            leases.giveUp(settings.leaseName(), owner());
            return true;
          } catch (StorageException e) {
            system.log().warning("the lease runs out by itself: {}", e.getMessage());
            return false;
          }
        },
        blocking);
  }

  /** Never taken for granted: each decision asks the database anew, who may have decided since. */
  @Override
  public boolean checkLease() {
    return false;
  }
}
