package io.clawterm.session;

import java.time.InstantSource;

/** What every session of a node works with. */
public record SessionEnvironment(
    SessionSettings settings,
    Targets targets,
    SessionLog log,
    JournalPruner pruner,
    InstantSource clock,
    SessionMetrics metrics) {}
