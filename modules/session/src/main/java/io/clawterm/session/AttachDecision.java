package io.clawterm.session;

import java.security.SecureRandom;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Whether a session takes a device, by CONNECT or RESUME, decided against the state as it will be.
 * The session asks, stores the changes and answers the device; nothing happens here.
 */
sealed interface AttachDecision {

  /** So many tokens before the newest outlive a CONNECT of a device that confirms none. */
  int MAX_UNCONFIRMED = 8;

  /** The device is not taken. */
  record Refused(DeviceMessage.Refusal refusal, String text) implements AttachDecision {}

  /**
   * The device is attached once the changes are durable.
   *
   * @param generation of the token that it is given
   * @param lastNumber the newest entry that it has
   */
  record Admitted(List<SessionEvent.Change> changes, long generation, long lastNumber)
      implements AttachDecision {
    public Admitted {
      changes = List.copyOf(changes);
    }
  }

  /**
   * Decides on a CONNECT.
   *
   * @param targets finds a target for whoever connects
   * @param importing an import is under way, and not left half done
   */
  static AttachDecision connect(
      SessionState state,
      SessionCommand.Connect connect,
      Function<String, Targets.Found> targets,
      SessionSettings settings,
      boolean importing) {
    return switch (state) {
      case SessionState.Absent absent ->
          switch (targets.apply(connect.target())) {
            case Targets.Found.Missing missing ->
                new Refused(DeviceMessage.Refusal.NO_SUCH_TARGET, missing.text());
            case Targets.Found.Denied denied ->
                new Refused(DeviceMessage.Refusal.FORBIDDEN, denied.text());
            case Targets.Found.Available available -> create(connect, available, settings);
          };
      // The key is bound before the last step: a device that comes by it must not give it up.
      case SessionState.Arriving arriving ->
          importing && connect.key().isPresent()
              ? new Refused(DeviceMessage.Refusal.OVERLOADED, "the session is being imported")
              : taken();
      case SessionState.Open open -> join(open, connect, settings);
      case SessionState.Ended ended ->
          new Refused(DeviceMessage.Refusal.CLOSED, "the session is over");
    };
  }

  private static Refused taken() {
    return new Refused(DeviceMessage.Refusal.ID_TAKEN, "the id is in use");
  }

  private static AttachDecision create(
      SessionCommand.Connect connect, Targets.Found.Available available, SessionSettings settings) {
    int incarnation = new SecureRandom().nextInt() | 1;
    var created =
        new SessionEvent.Created(
            connect.principal(),
            connect.key(),
            connect.target(),
            available.target().inputStyle(),
            incarnation,
            settings.granted(connect.expiry()).toSeconds());
    long generation = firstGeneration(incarnation);
    return new Admitted(
        List.of(created, attached(connect.attachment(), generation, 0)), generation, 0);
  }

  private static AttachDecision join(
      SessionState.Open open, SessionCommand.Connect connect, SessionSettings settings) {
    if (connect.key().isEmpty() || !connect.key().equals(open.identity().key())) {
      return taken();
    }
    if (!connect.principal().equals(open.identity().owner())) {
      return new Refused(DeviceMessage.Refusal.FORBIDDEN, "the session is somebody else's");
    }
    // A CONNECT may have been late on its way, as a RESUME may: it does not void the last tokens.
    long good =
        Optional.ofNullable(open.devices().get(connect.attachment().device()))
            .map(device -> Math.max(device.oldestGood(), device.generation() - MAX_UNCONFIRMED))
            .orElse(0L);
    return admit(open, connect.attachment(), good, 0, settings);
  }

  /** Decides on a RESUME. */
  static AttachDecision resume(
      SessionState state, SessionCommand.Resume resume, SessionSettings settings) {
    return switch (state) {
      case SessionState.Absent absent -> unknown();
      case SessionState.Arriving arriving -> unknown();
      case SessionState.Open open -> resume(open, resume, settings);
      case SessionState.Ended ended -> {
        boolean known =
            ended.identity().owner().equals(resume.principal())
                && ended.identity().incarnation() == (int) (resume.tokenGeneration() >>> 32);
        yield known
            ? new Refused(DeviceMessage.Refusal.CLOSED, "the session is over: " + ended.reason())
            : unknown();
      }
    };
  }

  private static AttachDecision resume(
      SessionState.Open open, SessionCommand.Resume resume, SessionSettings settings) {
    long shown = resume.tokenGeneration();
    boolean good =
        open.identity().owner().equals(resume.principal())
            && Optional.ofNullable(open.devices().get(resume.attachment().device()))
                .filter(device -> device.isGood(shown))
                .isPresent();
    if (!good) {
      return unknown();
    }
    if (resume.lastNumber() > open.head()) {
      return new Refused(
          DeviceMessage.Refusal.AHEAD,
          "the device has entry " + resume.lastNumber() + ", the log ends at " + open.head());
    }
    return admit(open, resume.attachment(), shown, resume.lastNumber(), settings);
  }

  /** The same words whatever is wrong, as the protocol asks. */
  private static Refused unknown() {
    return new Refused(
        DeviceMessage.Refusal.NO_SUCH_SESSION, "no such session, or not with this token");
  }

  private static AttachDecision admit(
      SessionState.Open open,
      Attachment attachment,
      long good,
      long lastNumber,
      SessionSettings settings) {
    Optional<SessionState.Device> known =
        Optional.ofNullable(open.devices().get(attachment.device()));
    if (known.isEmpty() && open.devices().size() >= settings.maxDevices()) {
      return new Refused(
          DeviceMessage.Refusal.OVERLOADED,
          "the session has " + settings.maxDevices() + " devices already");
    }
    long generation =
        known
            .map(device -> device.generation() + 1)
            .orElseGet(() -> firstGeneration(open.identity().incarnation()));
    return new Admitted(List.of(attached(attachment, generation, good)), generation, lastNumber);
  }

  private static long firstGeneration(int incarnation) {
    return ((long) incarnation << 32) + 1;
  }

  private static SessionEvent.Change attached(Attachment attachment, long generation, long good) {
    return new SessionEvent.DeviceAttached(attachment.device(), generation, good);
  }
}
