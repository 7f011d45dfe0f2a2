package io.clawterm.edge;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.clawterm.api.SessionId;
import io.clawterm.session.TargetMemo;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Optional;

/**
 * What a life of a pod's target leaves to the next; stored with the entries that it counts. What
 * opens the pod's session, nonce and token, is stored sealed.
 *
 * @param nonce of the CONNECT, 16 bytes in hexadecimal; empty where what was stored can't be opened
 * @param base the target's input number that the pod's session calls 0
 * @param session the pod's number for its session; 0 before its ACCEPT is stored
 * @param token the newest resume token in hexadecimal; empty before there is one
 * @param received the number of the pod's last DATA frame in the log
 * @param acknowledged the target's last input that the pod has acknowledged
 * @param end why the pod's session is over, once it is
 */
record PodMemo(
    String nonce,
    long base,
    int session,
    String token,
    long received,
    long acknowledged,
    Optional<String> end) {

  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final int NONCE_BYTES = 16;

  /** Before the first CONNECT of a session with the pod; the nonce is drawn here. */
  static PodMemo beginning(long acknowledged) {
    byte[] nonce = new byte[NONCE_BYTES];
    new SecureRandom().nextBytes(nonce);
    return new PodMemo(
        HexFormat.of().formatHex(nonce), acknowledged, 0, "", 0, acknowledged, Optional.empty());
  }

  static PodMemo from(TargetMemo memo, SealedText seal, SessionId id) {
    try {
      JsonNode json = JSON.readTree(memo.json());
      String[] keys =
          seal.open(json.path("keys").asText(), id.toString()).orElse(" ").split(" ", -1);
      return new PodMemo(
          keys[0],
          json.required("base").asLong(),
          json.required("session").asInt(),
          keys[1],
          json.required("received").asLong(),
          json.required("acknowledged").asLong(),
          Optional.ofNullable(json.get("end")).map(JsonNode::asText));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("the memo of a pod is a JSON object", e);
    }
  }

  /** The session stays awake: a pod may speak at any time. */
  TargetMemo toMemo(SealedText seal, SessionId id) {
    var object =
        JsonNodeFactory.instance
            .objectNode()
            .put("keys", seal.seal(nonce + " " + token, id.toString()))
            .put("base", base)
            .put("session", session)
            .put("received", received)
            .put("acknowledged", acknowledged);
    end.ifPresent(text -> object.put("end", text));
    try {
      return new TargetMemo(JSON.writeValueAsString(object), true);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("numbers and texts are always JSON", e);
    }
  }

  byte[] nonceBytes() {
    return HexFormat.of().parseHex(nonce);
  }

  byte[] tokenBytes() {
    return HexFormat.of().parseHex(token);
  }

  PodMemo attached(int newSession, byte[] newToken) {
    return new PodMemo(
        nonce, base, newSession, HexFormat.of().formatHex(newToken), received, acknowledged, end);
  }

  PodMemo received(long number) {
    return new PodMemo(nonce, base, session, token, number, acknowledged, end);
  }

  PodMemo acknowledged(long number) {
    return new PodMemo(nonce, base, session, token, received, number, end);
  }

  PodMemo ended(String text) {
    return new PodMemo(nonce, base, session, token, received, acknowledged, Optional.of(text));
  }

  /** Whether what opens the pod's session was there, but can't be opened. */
  boolean isLocked() {
    return nonce.isEmpty();
  }

  /** Never the token. */
  @Override
  public String toString() {
    return "PodMemo[session=%08x, received=%d, acknowledged=%d]"
        .formatted(session, received, acknowledged);
  }
}
