package io.clawterm.session;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import io.clawterm.api.Principal;
import io.clawterm.telemetry.TraceContext;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * One commit of a session, as the journal keeps it: all that was decided while the commit before
 * was under way. Fields are only ever added.
 *
 * @param head the newest entry number before this commit
 * @param work whether the target has something to do after this commit, a run that is open or input
 *     that waits; there only where that changed or the commit holds a memo
 * @param trace the commit's place in its trace; there only where the node that wrote it traced
 */
public record SessionEvent(
    Instant at,
    long head,
    List<Change> changes,
    Optional<Boolean> work,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<TraceContext> trace)
    implements Stored {

  public SessionEvent {
    changes = List.copyOf(changes);
  }

  /** A commit in no trace. */
  public SessionEvent(Instant at, long head, List<Change> changes, Optional<Boolean> work) {
    this(at, head, changes, work, Optional.empty());
  }

  /** Whether a list of sessions shows something else after this commit. */
  boolean changesLife() {
    boolean life = work.isPresent();
    for (Change change : changes) {
      life |= changesLife(change);
    }
    return life;
  }

  private static boolean changesLife(Change change) {
    return switch (change) {
      case Created c -> true;
      case DeviceAttached a -> true;
      case DeviceDetached d -> true;
      case Closed c -> true;
      case Emitted e -> false; // but what it changes is work
      case InputReceived i -> false; // likewise
      case TokenConfirmed t -> false;
      case Trimmed t -> false;
      case ImportBegun i -> false;
      case InputImported i -> false;
      case Imported i -> true;
    };
  }

  /** One thing that happened. */
  @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "is")
  @JsonSubTypes({
    @JsonSubTypes.Type(value = Created.class, name = "created"),
    @JsonSubTypes.Type(value = DeviceAttached.class, name = "attached"),
    @JsonSubTypes.Type(value = TokenConfirmed.class, name = "confirmed"),
    @JsonSubTypes.Type(value = InputReceived.class, name = "input"),
    @JsonSubTypes.Type(value = Emitted.class, name = "emitted"),
    @JsonSubTypes.Type(value = DeviceDetached.class, name = "detached"),
    @JsonSubTypes.Type(value = Trimmed.class, name = "trimmed"),
    @JsonSubTypes.Type(value = Closed.class, name = "closed"),
    @JsonSubTypes.Type(value = ImportBegun.class, name = "import-begun"),
    @JsonSubTypes.Type(value = InputImported.class, name = "import-input"),
    @JsonSubTypes.Type(value = Imported.class, name = "imported")
  })
  public sealed interface Change {}

  /**
   * The session exists.
   *
   * @param incarnation random; part of each token, so that a token outlives no reuse of the id
   */
  public record Created(
      Principal owner,
      Optional<String> key,
      String target,
      Target.InputStyle style,
      int incarnation,
      long expirySeconds)
      implements Change {}

  /**
   * A device was given a new token.
   *
   * @param shown the generation that the device has shown, or at a CONNECT the oldest that was
   *     good: it stays so until the device confirms the new one; 0 when there was none
   */
  public record DeviceAttached(String device, long generation, long shown) implements Change {}

  /** The device has used its new token: the one before is void. */
  public record TokenConfirmed(String device) implements Change {}

  /**
   * Input of a device, numbered by the device from {@code firstNumber} on.
   *
   * @param logged each frame has entries of its own in the log
   */
  public record InputReceived(
      String device, long firstNumber, List<SessionCommand.InputFrame> frames, boolean logged)
      implements Change {
    public InputReceived {
      frames = List.copyOf(frames);
    }
  }

  /** The target has appended entries, consumed input or changed its memo. */
  public record Emitted(List<Entry> entries, OptionalLong consumedUpTo, Optional<TargetMemo> memo)
      implements Change {
    public Emitted {
      entries = List.copyOf(entries);
    }
  }

  /** A device has gone; {@code expirySeconds} is there when it asked for another expiry. */
  public record DeviceDetached(String device, long acknowledged, OptionalLong expirySeconds)
      implements Change {}

  /** Retention has given up all entries below {@code first}. */
  public record Trimmed(long first) implements Change {}

  /** The session is over. */
  public record Closed(String reason) implements Change {}

  /**
   * A bundle is being stored under this id, from its start on; what an earlier import has left half
   * done is void. Nobody sees anything of it before {@link Imported}. Its entries follow as {@link
   * Emitted}.
   *
   * @param bundle the bundle's digest
   * @param firstNumber the number of the first entry that follows
   */
  public record ImportBegun(Principal owner, String bundle, long firstNumber) implements Change {}

  /** A part of the bundle's input that the target has not consumed. */
  public record InputImported(List<TargetCommand.TargetInput> inputs) implements Change {
    public InputImported {
      inputs = List.copyOf(inputs);
    }
  }

  /**
   * The whole bundle is stored: the session exists.
   *
   * @param incarnation as in {@link Created}
   * @param createdAt when it was created where it comes from
   * @param received as in {@link InputQueue}, like {@code consumed}
   */
  public record Imported(
      Principal owner,
      Optional<String> key,
      String target,
      Target.InputStyle style,
      int incarnation,
      long expirySeconds,
      Instant createdAt,
      long received,
      long consumed,
      Optional<TargetMemo> memo)
      implements Change {}
}
