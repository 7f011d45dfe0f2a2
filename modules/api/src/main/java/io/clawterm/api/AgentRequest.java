package io.clawterm.api;

import java.util.List;

/**
 * What an agent is asked.
 *
 * @param principal on whose behalf
 * @param conversation in order; the last message is the one to answer
 */
public record AgentRequest(SessionId session, Principal principal, List<Message> conversation) {

  public AgentRequest {
    conversation = List.copyOf(conversation);
  }

  /** The text of the message to answer. */
  public String text() {
    return conversation.getLast().text();
  }

  /** Conversations stay out of logs. */
  @Override
  public String toString() {
    return "AgentRequest[" + session + ", " + conversation.size() + " messages]";
  }

  /** One message of a conversation. */
  public record Message(Role role, String text) {}

  /** Who has said it. */
  public enum Role {
    USER,
    AGENT
  }
}
