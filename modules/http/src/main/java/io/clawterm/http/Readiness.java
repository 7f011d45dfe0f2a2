package io.clawterm.http;

/**
 * Whether a node wants requests: not before all of it has started, and not once it drains. The node
 * sets it; thread-safe.
 */
public final class Readiness {

  private volatile boolean started;
  private volatile boolean draining;

  /** All parts of the node have started; stays so. */
  public void started() {
    started = true;
  }

  /** The node is about to stop and takes nothing new; stays so. */
  public void drain() {
    draining = true;
  }

  boolean hasStarted() {
    return started;
  }

  boolean isDraining() {
    return draining;
  }
}
