package io.clawterm.edge;

import io.clawterm.api.Principal;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Mode;
import io.clawterm.session.Attachment;
import io.clawterm.session.Sessions;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a device asks for with CONNECT or RESUME.
 *
 * @param tokenGeneration of a RESUME: what its token was made of
 * @param lastNumber of a RESUME: the newest output that the device has
 */
record Wish(
    boolean resume,
    Principal principal,
    String device,
    Mode mode,
    boolean events,
    Optional<Attachment.WindowSize> size,
    Optional<Long> window,
    String target,
    Optional<String> key,
    Optional<String> nonce,
    Optional<Duration> expiry,
    long tokenGeneration,
    long lastNumber) {

  /** The version of the protocol that is spoken here. */
  static final int VERSION = 1;

  /**
   * Reads it.
   *
   * @param generation empty: it is a CONNECT
   */
  static Wish of(Fields fields, Principal principal, OptionalLong generation) {
    return new Wish(
        generation.isPresent(),
        principal,
        device(fields),
        fields.mode().orElse(Mode.TAKE_OVER),
        fields.events(),
        fields.terminalSize().map(size -> new Attachment.WindowSize(size.columns(), size.rows())),
        fields.window().stream().boxed().findAny(),
        target(fields.target().orElse("")),
        fields.sessionKey().filter(key -> !key.isEmpty()),
        fields.nonce().map(nonce -> HexFormat.of().formatHex(nonce)),
        expiry(fields),
        generation.orElse(0),
        generation.isPresent() ? fields.lastSeq().orElse(0) : 0);
  }

  /** Under what the directory knows the session, where it knows it. */
  Optional<String> directoryKey() {
    return key.or(() -> nonce.map(drawn -> Sessions.nonceKey(principal, drawn)));
  }

  static String device(Fields fields) {
    return fields.device().filter(name -> !name.isEmpty()).orElse("default");
  }

  private static String target(String text) {
    if (text.isEmpty()) {
      return "agent:main";
    }
    return text.indexOf(':') < 0 ? "agent:" + text : text;
  }

  static Optional<Duration> expiry(Fields fields) {
    OptionalLong seconds = fields.expirySeconds();
    return seconds.isPresent()
        ? Optional.of(Duration.ofSeconds(seconds.getAsLong()))
        : Optional.empty();
  }
}
