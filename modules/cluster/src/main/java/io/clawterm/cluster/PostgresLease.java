package io.clawterm.cluster;

import akka.actor.ExtendedActorSystem;
import akka.coordination.lease.LeaseSettings;
import io.clawterm.storage.Leases;

/** The lease in the database that all nodes share. */
public final class PostgresLease extends SplitLease {

  private final Leases leases;

  /** As Akka calls it. */
  public PostgresLease(LeaseSettings settings, ExtendedActorSystem system) {
    super(settings, system);
    this.leases = new Leases(NodeFence.of(system).database());
  }

  @Override
  boolean take() {
    return leases.take(getSettings().leaseName(), owner(), length()).isPresent();
  }

  @Override
  void giveUp() {
    leases.giveUp(getSettings().leaseName(), owner());
  }
}
