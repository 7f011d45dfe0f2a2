package io.clawterm.session;

import io.clawterm.telemetry.Tracing;
import java.time.InstantSource;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * What every session of a node works with.
 *
 * @param liveSettings those in force
 * @param mayAct whether the node may act outside of the journal at this moment: it is asked right
 *     before each effect, as the process may have been stopped since the commit before it
 */
public record SessionEnvironment(
    Supplier<SessionSettings> liveSettings,
    Targets targets,
    SessionLog log,
    JournalPruner pruner,
    InstantSource clock,
    SessionMetrics metrics,
    Tracing tracing,
    BooleanSupplier mayAct) {

  /** On a node that nobody can take for dead. */
  public SessionEnvironment(
      Supplier<SessionSettings> liveSettings,
      Targets targets,
      SessionLog log,
      JournalPruner pruner,
      InstantSource clock,
      SessionMetrics metrics,
      Tracing tracing) {
    this(liveSettings, targets, log, pruner, clock, metrics, tracing, () -> true);
  }

  /** Without traces. */
  public SessionEnvironment(
      Supplier<SessionSettings> liveSettings,
      Targets targets,
      SessionLog log,
      JournalPruner pruner,
      InstantSource clock,
      SessionMetrics metrics) {
    this(liveSettings, targets, log, pruner, clock, metrics, Tracing.OFF);
  }

  /** With settings that stay as they are, and without traces. */
  public SessionEnvironment(
      SessionSettings settings,
      Targets targets,
      SessionLog log,
      JournalPruner pruner,
      InstantSource clock,
      SessionMetrics metrics) {
    this(() -> settings, targets, log, pruner, clock, metrics);
  }

  /** The settings in force now. */
  public SessionSettings settings() {
    return liveSettings.get();
  }
}
