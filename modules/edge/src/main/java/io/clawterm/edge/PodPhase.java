package io.clawterm.edge;

import java.util.Optional;

/** Where the way to a pod stands; the connection is part of each phase that has one. */
sealed interface PodPhase {

  /** Waits for the next attempt, or for what is unconfirmed. */
  record Apart() implements PodPhase {}

  /** The socket is being connected. */
  record Connecting(PodConnection to) implements PodPhase {}

  /**
   * CONNECT or RESUME is out.
   *
   * @param again the CONNECT went out on a connection before as well
   */
  record Asking(PodConnection to, boolean again) implements PodPhase {}

  /** ACCEPT or RESUMED is here, its token not yet durable: nothing may be sent. */
  record Storing(PodConnection to, boolean again) implements PodPhase {}

  record Attached(PodConnection to) implements PodPhase {}

  /** The pod doesn't want us: the next input tries again. */
  record Parked() implements PodPhase {}

  default Optional<PodConnection> connection() {
    return switch (this) {
      case Apart ignored -> Optional.empty();
      case Connecting connecting -> Optional.of(connecting.to());
      case Asking asking -> Optional.of(asking.to());
      case Storing storing -> Optional.of(storing.to());
      case Attached attached -> Optional.of(attached.to());
      case Parked ignored -> Optional.empty();
    };
  }

  /** Whether the pod has let us in on this connection. */
  default boolean isAccepted() {
    return this instanceof Storing || this instanceof Attached;
  }
}
