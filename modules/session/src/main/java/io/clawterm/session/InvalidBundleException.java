package io.clawterm.session;

/** A file is no bundle that can be taken in; the message says why, for people. */
public final class InvalidBundleException extends Exception {

  private static final long serialVersionUID = 1;

  /** Why a bundle is refused. */
  public enum Reason {
    /** Not the form, or not what was signed. */
    DAMAGED,
    /** A newer ClawTerm wrote it. */
    NEWER_VERSION,
    /** More than this server takes. */
    TOO_LARGE,
    /** Nobody here has said that its signer is trusted. */
    UNKNOWN_SIGNER
  }

  private final Reason reason;

  InvalidBundleException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  public Reason reason() {
    return reason;
  }
}
