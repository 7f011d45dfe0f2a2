package io.clawterm.client;

import io.clawterm.api.SessionId;

/** Hears what happens to connections; called by the session's own thread and must not wait. */
@FunctionalInterface
public interface SessionListener {

  /** Something happened to the connection of this session. */
  void changed(SessionId session, ConnectionEvent event);
}
