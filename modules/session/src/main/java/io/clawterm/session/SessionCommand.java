package io.clawterm.session;

import akka.actor.typed.ActorRef;
import com.fasterxml.jackson.annotation.JsonInclude;
import io.clawterm.api.Principal;
import io.clawterm.telemetry.TraceContext;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** What a session is asked to do. */
public sealed interface SessionCommand {

  /** From the edge of a device. */
  sealed interface FromDevice extends SessionCommand, RemoteMessage {}

  /**
   * Opens the session if there is none, joins it if its key and owner fit. Answered by {@link
   * DeviceMessage.Attached} or {@link DeviceMessage.Refused}.
   *
   * @param target {@code agent:NAME}, {@code pod:NAME} or {@code pty:COMMAND}
   * @param key the session key or nonce key under which the directory knows this id
   */
  record Connect(
      Principal principal,
      String target,
      Optional<String> key,
      Optional<Duration> expiry,
      Attachment attachment)
      implements FromDevice {}

  /**
   * Attaches a device that was here before; the edge has checked the token's hash. Answered as
   * {@link Connect}.
   *
   * @param tokenGeneration what the token was made of
   * @param lastNumber the highest output number that the device holds
   */
  record Resume(Principal principal, long tokenGeneration, long lastNumber, Attachment attachment)
      implements FromDevice {}

  /**
   * DATA frames of a device, numbered from {@code firstNumber} on.
   *
   * @param trace where their arrival stands in a trace; a node of an earlier release sends none
   */
  record Input(
      long attachment,
      long firstNumber,
      List<InputFrame> frames,
      @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<TraceContext> trace)
      implements FromDevice {
    public Input {
      frames = List.copyOf(frames);
    }

    /** Frames that no trace is told of. */
    public Input(long attachment, long firstNumber, List<InputFrame> frames) {
      this(attachment, firstNumber, frames, Optional.empty());
    }
  }

  /** The device has sent its first frame since it was attached: its token before is void. */
  record Confirm(long attachment) implements FromDevice {}

  /**
   * The device's side has room again.
   *
   * @param bytes how many bytes of output have left the edge (or were acknowledged, where the
   *     device has stated a window)
   * @param acknowledged the highest output number that the device has acknowledged
   */
  record Release(long attachment, long bytes, long acknowledged) implements FromDevice {}

  /** The terminal has another size. */
  record Resize(long attachment, Attachment.WindowSize size) implements FromDevice {}

  /** The connection is gone; nobody is answered. */
  record Detach(long attachment, long acknowledged) implements FromDevice {}

  /** The device goes away; answered by Detached with SUSPENDED once all before it is durable. */
  record Suspend(long attachment, long acknowledged, Optional<Duration> expiry)
      implements FromDevice {}

  /** Ends the session for good; attached devices get Detached with CLOSED. */
  record Close(Principal principal, ActorRef<CloseReply> replyTo)
      implements SessionCommand, RemoteMessage {}

  /** The answer to {@link Close}. */
  enum CloseReply implements RemoteMessage {
    CLOSED,
    NO_SUCH_SESSION
  }

  /** Ends an attached device's session for good (DISCONNECT from a client). */
  record Disconnect(long attachment, long acknowledged) implements FromDevice {}

  /** Ends the session if its time without a device is over; not answered. */
  record ExpireIfDue() implements SessionCommand, RemoteMessage {}

  /** Wakes a session whose run was cut off; its target is started again. */
  record Wake() implements SessionCommand, RemoteMessage {}

  /** The session leaves this node: what is decided is committed, devices are told to come back. */
  record Leave() implements SessionCommand, RemoteMessage {}

  /** Asks how the session stands. */
  record Describe(ActorRef<Description> replyTo) implements SessionCommand, RemoteMessage {}

  /**
   * How a session stands.
   *
   * @param phase {@code absent}, {@code open}, {@code ended} or {@code unreadable}
   * @param attached the names of the attached devices
   */
  record Description(
      String phase, String target, long headNumber, List<String> attached, boolean runOpen)
      implements RemoteMessage {
    public Description {
      attached = List.copyOf(attached);
    }

    /** How a session stands whose durable state is this. */
    static Description of(SessionState durable, List<String> attached) {
      return switch (durable) {
        case SessionState.Absent absent -> new Description("absent", "", 0, attached, false);
        case SessionState.Arriving arriving -> new Description("absent", "", 0, attached, false);
        case SessionState.Open open ->
            new Description(
                "open", open.identity().target(), open.head(), attached, open.hasWork());
        case SessionState.Ended ended ->
            new Description("ended", ended.identity().target(), ended.head(), attached, false);
      };
    }
  }

  /**
   * Asks for what a bundle holds beside the log, as far as it is durable; answered by {@link
   * ExportReply}.
   *
   * @param afterInput waiting input up to this number is there already; 0: none
   */
  record Export(Principal principal, long afterInput, ActorRef<ExportReply> replyTo)
      implements SessionCommand, RemoteMessage {}

  /** A step of an import; answered by {@link ImportReply}, a repetition like the first. */
  sealed interface Import extends SessionCommand, RemoteMessage {
    Principal principal();

    /** The bundle's digest. */
    String bundle();

    ActorRef<ImportReply> replyTo();
  }

  /** The first step: it stores that the import has begun, if nothing else is under the id. */
  record BeginImport(
      Principal principal,
      String bundle,
      long firstNumber,
      String target,
      ActorRef<ImportReply> replyTo)
      implements Import {}

  /** Entries with the numbers from {@code firstNumber} on. */
  record ImportEntries(
      Principal principal,
      String bundle,
      long firstNumber,
      List<Entry> entries,
      ActorRef<ImportReply> replyTo)
      implements Import {
    public ImportEntries {
      entries = List.copyOf(entries);
    }
  }

  /** Input that the target has not consumed. */
  record ImportInput(
      Principal principal,
      String bundle,
      List<TargetCommand.TargetInput> inputs,
      ActorRef<ImportReply> replyTo)
      implements Import {
    public ImportInput {
      inputs = List.copyOf(inputs);
    }
  }

  /**
   * The last step: once it is durable, the session exists.
   *
   * @param key under which the directory leads to this id
   */
  record EndImport(
      Principal principal,
      String bundle,
      BundleManifest manifest,
      String key,
      ActorRef<ImportReply> replyTo)
      implements Import {}

  /** From the target behind the session. */
  sealed interface FromTarget extends SessionCommand {}

  /**
   * Appends to the log; confirmed by {@link TargetCommand.Emitted} once durable.
   *
   * @param epoch the target's life that speaks; an older one is ignored
   * @param entries what is appended; may be empty
   * @param consumedUpTo input up to this number needs not be delivered again
   * @param memo at most {@link TargetMemo#MAX_BYTES}; what the target wants to be given when it is
   *     started again; absent: as it was
   * @param causes the work that this comes from, for traces
   */
  record Emit(
      long epoch,
      List<Entry> entries,
      OptionalLong consumedUpTo,
      Optional<TargetMemo> memo,
      List<TraceContext> causes)
      implements FromTarget {
    public Emit {
      entries = List.copyOf(entries);
      causes = List.copyOf(causes);
      // Here and not in the memo itself, whose constructor also reads back what is stored.
      memo.ifPresent(TargetMemo::requireFits);
    }

    /** What comes from no work in particular. */
    public Emit(
        long epoch, List<Entry> entries, OptionalLong consumedUpTo, Optional<TargetMemo> memo) {
      this(epoch, entries, consumedUpTo, memo, List.of());
    }
  }

  /** The target has come to its natural end; the session closes. */
  record Finish(long epoch, String text) implements FromTarget {}

  /** A message of the entity to itself. */
  non-sealed interface Own extends SessionCommand {}

  /**
   * A DATA frame's content.
   *
   * @param event the body is a JSON object
   * @param more the entry goes on in the next frame
   */
  record InputFrame(Bytes body, boolean event, boolean more) {}
}
