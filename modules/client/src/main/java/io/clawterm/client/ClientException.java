package io.clawterm.client;

import io.clawterm.api.SessionId;
import io.clawterm.protocol.Code;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Why a session can't be had, or is over. The messages are for people and hold no secrets. */
public abstract sealed class ClientException extends RuntimeException {

  private ClientException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  /** The server refused or detached this device, for a reason that trying again doesn't change. */
  public static final class Refused extends ClientException {
    private final Code code;
    private final String text;

    Refused(Code code, String text) {
      super(text.isEmpty() ? code.toString() : code + ": " + text, null);
      this.code = code;
      this.text = text;
    }

    /** The reason, as the table of codes has it. */
    public Code code() {
      return code;
    }

    /**
     * What the server says about it; may be empty. It comes from outside: escape it where shown.
     */
    public String text() {
      return text;
    }
  }

  /** The server speaks another version of the protocol. */
  public static final class UnsupportedVersion extends ClientException {
    private final int spoken;

    UnsupportedVersion(int spoken) {
      super(
          "the server speaks version " + spoken + " of the protocol, this client version 1", null);
      this.spoken = spoken;
    }

    /** The version that the server speaks; 0 where it doesn't say. */
    public int spoken() {
      return spoken;
    }
  }

  /**
   * The server's certificate is signed by nobody whom this machine trusts. Who has compared the
   * fingerprint with the server's own passes it to {@code trustFingerprint}.
   */
  public static final class UnknownCertificate extends ClientException {
    private final String fingerprint;
    private final @Nullable String expected;

    UnknownCertificate(String fingerprint, @Nullable String expected, @Nullable Throwable cause) {
      super(
          expected == null
              ? "the server's certificate is not trusted; its fingerprint is " + fingerprint
              : "the server's certificate has changed: " + fingerprint + " instead of " + expected,
          cause);
      this.fingerprint = fingerprint;
      this.expected = expected;
    }

    /** SHA-256 over the certificate: {@code sha256:} and 64 hexadecimal digits. */
    public String fingerprint() {
      return fingerprint;
    }

    /** The fingerprint that was pinned or known from before, if there was one. */
    public Optional<String> expected() {
      return Optional.ofNullable(expected);
    }
  }

  /** Nobody answers there, or not in time. */
  public static final class Unreachable extends ClientException {
    Unreachable(ServerAddress address, Duration tried, @Nullable Throwable cause) {
      super(
          "no session with "
              + address
              + " within "
              + tried.toMillis()
              + " ms"
              + (cause == null ? "" : ": " + cause.getMessage()),
          cause);
    }
  }

  /** The server has lost what it had acknowledged or shown: going on would be a lie. */
  public static final class HistoryLost extends ClientException {
    HistoryLost(String message) {
      super(message, null);
    }
  }

  /** The server broke the protocol, again and again. */
  public static final class ProtocolViolation extends ClientException {
    ProtocolViolation(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  /** The token file has no such session. */
  public static final class UnknownSession extends ClientException {
    UnknownSession(SessionId session, ServerAddress address) {
      super("no token for session " + session + " at " + address, null);
    }
  }

  /** Another process of this machine has the session open. */
  public static final class InUse extends ClientException {
    private final long pid;

    InUse(SessionId session, long pid) {
      super("process " + pid + " has session " + session + " open", null);
      this.pid = pid;
    }

    /** The process that has it. */
    public long pid() {
      return pid;
    }
  }

  /**
   * The token file can't be read or written. Input that isn't on disk is not sent, because a crash
   * would then lose it or send something else under its number.
   */
  public static final class StoreFailed extends ClientException {
    StoreFailed(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  /** The session was let go of here (suspended, closed) before this was done. */
  public static final class Ended extends ClientException {
    Ended(String message) {
      super(message, null);
    }
  }

  /** More is unacknowledged than the window allows, in a place that must not wait. */
  public static final class WindowFull extends ClientException {
    WindowFull() {
      super("the unacknowledged window is full; wait for stages of earlier sends", null);
    }
  }

  /** This device only watches its session, and sends nothing. */
  public static final class Watching extends ClientException {
    Watching() {
      super("this device only watches the session, and sends nothing", null);
    }
  }
}
