package io.clawterm.client;

import io.clawterm.api.SessionId;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A session that this machine holds a token for.
 *
 * @param lastReceived the last output number that an application here has handled
 * @param unacknowledged inputs that the server has not acknowledged; they are sent again on resume
 * @param usedBy the live process that has it open
 */
public record KnownSession(
    SessionId id,
    Optional<String> key,
    String target,
    String device,
    long lastReceived,
    int unacknowledged,
    Instant savedAt,
    OptionalLong usedBy) {}
