package io.clawterm.edge;

import akka.actor.typed.ActorRef;
import io.clawterm.protocol.Frame;
import io.clawterm.session.TargetCommand;
import java.util.List;
import java.util.Set;

/** What a {@link PodLife} is told by the connection, the registry and its timers. */
sealed interface PodEvent extends TargetCommand.Own {

  record Opened(PodConnection connection) implements PodEvent {}

  record Received(PodConnection connection, List<Frame> frames) implements PodEvent {}

  record Written(PodConnection connection) implements PodEvent {}

  record Lost(PodConnection connection, String reason) implements PodEvent {}

  record PodsChanged(Set<String> names) implements PodEvent {}

  record Retry() implements PodEvent {}

  record Absent() implements PodEvent {}

  record HandshakeOver(PodConnection connection) implements PodEvent {}

  record Acknowledge() implements PodEvent {}

  record Tick() implements PodEvent {}

  /** Hands on what a connection tells on its own threads. */
  static PodConnection.Listener toldTo(ActorRef<TargetCommand> life) {
    return new PodConnection.Listener() {
      @Override
      public void opened(PodConnection which) {
        life.tell(new Opened(which));
      }

      @Override
      public void received(PodConnection which, List<Frame> frames) {
        life.tell(new Received(which, frames));
      }

      @Override
      public void written(PodConnection which) {
        life.tell(new Written(which));
      }

      @Override
      public void lost(PodConnection which, String reason) {
        life.tell(new Lost(which, reason));
      }
    };
  }
}
