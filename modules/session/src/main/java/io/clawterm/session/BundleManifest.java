package io.clawterm.session;

import io.clawterm.api.SessionId;
import java.time.Instant;
import java.util.Optional;

/**
 * What a bundle says of its session, beside the entries and the waiting input that follow in it.
 *
 * @param session the id that the session has where it comes from
 * @param firstNumber the number of the first entry that follows
 * @param headNumber the number of the last one; one less than the first where there is none
 * @param received how many frames of input the target has been or is to be given
 * @param consumed up to which of them it needs nothing again
 * @param waiting how many of them follow after the entries
 * @param memo what the target has stored: whether a run is open
 */
public record BundleManifest(
    SessionId session,
    Optional<String> key,
    String target,
    Instant createdAt,
    long expirySeconds,
    long firstNumber,
    long headNumber,
    long received,
    long consumed,
    int waiting,
    Optional<TargetMemo> memo) {}
