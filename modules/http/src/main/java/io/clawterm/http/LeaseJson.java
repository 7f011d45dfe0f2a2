package io.clawterm.http;

import io.clawterm.storage.LeaseState;

/** A node's right to write, on the wire. */
record LeaseJson(
    int number,
    boolean held,
    long unconfirmedMillis,
    boolean inDanger,
    long clockSkewMillis,
    boolean clockRight) {

  static LeaseJson of(LeaseState lease) {
    return new LeaseJson(
        lease.number(),
        lease.held(),
        lease.unconfirmed().toMillis(),
        lease.isInDanger(),
        lease.clockSkew().toMillis(),
        lease.isClockRight());
  }
}
