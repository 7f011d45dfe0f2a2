package io.clawterm.edge;

import io.clawterm.api.Principal;
import java.util.Optional;

/** Establishes who connects. */
@FunctionalInterface
public interface Authenticator {

  /**
   * Who this is, or nobody. Called on the connection's own thread: it must not block.
   *
   * @param credential the bearer token that the client has shown
   */
  Optional<Principal> authenticate(Optional<String> credential, Peer peer);
}
