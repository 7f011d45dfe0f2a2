package io.clawterm.edge;

import io.clawterm.api.SessionId;
import io.clawterm.session.SessionCommand;

/**
 * What the parts of one connection share: who is at its other end, its settings as they were when
 * it began, its way out, its time and its way to the sessions.
 */
record Line(Edge edge, Peer peer, EdgeSettings settings, Outbox outbox, Alarm alarm) {

  EdgeMetrics metrics() {
    return edge.metrics();
  }

  /** Tells the session of a circuit, at its entity where that is known. */
  void tell(Circuit circuit, SessionCommand command) {
    SessionId session = circuit.session;
    if (session == null) {
      throw new IllegalStateException("a circuit without a session has nobody to tell");
    }
    if (circuit.entity == null) {
      edge.sessions().tell(session, command);
    } else {
      circuit.entity.tell(command);
    }
  }
}
