package io.clawterm.session;

import java.util.List;

/** What a session answers to {@link SessionCommand.Export}. */
public sealed interface ExportReply extends RemoteMessage {

  /**
   * What the bundle holds beside the log.
   *
   * @param commit which commit this is as of: parts with another one do not fit together
   * @param journal where to begin to read the entries in the journal
   * @param inputs a part of the input that waits
   */
  record Exported(
      long commit, BundleManifest manifest, long journal, List<TargetCommand.TargetInput> inputs)
      implements ExportReply {
    public Exported {
      inputs = List.copyOf(inputs);
    }
  }

  /** There is none, it is over, or it is somebody else's. */
  record NoSuchSession() implements ExportReply {}

  /** What is behind the session can't move with it. */
  record NotMovable(String target) implements ExportReply {}
}
