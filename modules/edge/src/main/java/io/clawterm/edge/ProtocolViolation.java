package io.clawterm.edge;

import io.clawterm.protocol.Code;

/** Frames that are well-formed, but not allowed where they came; the connection closes. */
final class ProtocolViolation extends RuntimeException {

  private final transient Refusal refusal;

  ProtocolViolation(Code code, String text) {
    // No stack trace: strangers cause these, as many as they like.
    super(text, null, false, false);
    this.refusal = new Refusal(code, text);
  }

  Refusal refusal() {
    return refusal;
  }
}
