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

  /** The node takes nothing new, for it is about to stop or somebody wants it to be empty. */
  public void drain() {
    draining = true;
  }

  /** The node takes requests again. */
  public void undrain() {
    draining = false;
  }

  boolean hasStarted() {
    return started;
  }

  boolean isDraining() {
    return draining;
  }
}
