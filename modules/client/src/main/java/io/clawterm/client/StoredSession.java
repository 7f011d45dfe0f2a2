package io.clawterm.client;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import io.clawterm.protocol.Mode;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What must outlive this process to go on with a session exactly.
 *
 * @param token base64; a secret
 * @param received the last output number that the application has handled
 * @param lastInput the highest input number that was ever given out
 * @param unacknowledged inputs that the server may not have; without a hole up to {@code lastInput}
 * @param savedAt milliseconds since 1970
 * @param owner the process that has the session open
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
record StoredSession(
    String server,
    String id,
    @Nullable String key,
    String target,
    String device,
    Mode mode,
    boolean events,
    String token,
    long received,
    long lastInput,
    List<StoredInput> unacknowledged,
    long expirySeconds,
    long savedAt,
    @Nullable Owner owner) {

  StoredSession {
    unacknowledged = List.copyOf(unacknowledged);
  }

  /** A DATA frame that was, or is about to be, sent; the payload in base64. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  record StoredInput(long number, int flags, String payload) {}

  /** A process, told from a later one of the same number by its start, and the client in it. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  record Owner(long pid, long startedAt, String instance) {

    static Owner ofThisProcess(String instance) {
      ProcessHandle self = ProcessHandle.current();
      return new Owner(self.pid(), startOf(self), instance);
    }

    boolean alive() {
      return ProcessHandle.of(pid)
          .filter(process -> process.isAlive() && startOf(process) == startedAt)
          .isPresent();
    }

    private static long startOf(ProcessHandle process) {
      return process.info().startInstant().map(java.time.Instant::toEpochMilli).orElse(0L);
    }
  }

  StoredSession ownedBy(@Nullable Owner next) {
    return new StoredSession(
        server,
        id,
        key,
        target,
        device,
        mode,
        events,
        token,
        received,
        lastInput,
        unacknowledged,
        expirySeconds,
        savedAt,
        next);
  }

  /** Whether somebody else who still lives has it open. */
  boolean heldByOther(Owner me) {
    return owner != null && !owner.equals(me) && owner.alive();
  }

  boolean is(ServerAddress address, String session) {
    return server.equals(address.toString()) && id.equals(session);
  }

  /** Without the token and the content. */
  @Override
  public String toString() {
    return "session " + id + " at " + server + ", " + unacknowledged.size() + " unacknowledged";
  }
}
