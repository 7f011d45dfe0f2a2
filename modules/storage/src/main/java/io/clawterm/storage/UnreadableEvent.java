package io.clawterm.storage;

/**
 * Stands in a stream of events by tag for one that this build can't read, so that the others go on.
 * Whoever reads one entity's events gets a failure instead: no entity is without one of its events.
 *
 * @param serializer the id of the serializer that has written it
 * @param manifest what that one has called its type
 * @param reason for the log; quotes nothing of the event
 */
public record UnreadableEvent(int serializer, String manifest, String reason) {}
