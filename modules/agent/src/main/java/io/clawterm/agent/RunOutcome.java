package io.clawterm.agent;

/** How a run ended, as far as its span knows. */
enum RunOutcome {
  DONE,
  ABORTED,
  FAILED,
  /** Its session's life ended first; the next one goes on with it. */
  CUT
}
