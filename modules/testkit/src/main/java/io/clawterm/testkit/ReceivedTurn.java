package io.clawterm.testkit;

/**
 * One turn of a conversation as a client sent it.
 *
 * @param role {@code user} or {@code assistant}
 */
public record ReceivedTurn(String role, String text) {}
