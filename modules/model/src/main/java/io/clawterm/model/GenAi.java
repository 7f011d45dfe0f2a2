package io.clawterm.model;

import io.opentelemetry.api.common.AttributeKey;
import java.util.List;

/**
 * The names of OpenTelemetry's semantic conventions for generative AI that are in use here, and the
 * only place where they stand: the conventions are in development and their names change.
 *
 * <p>As of the repository {@code open-telemetry/semantic-conventions-genai}, pages "GenAI client
 * spans" and "GenAI agent spans". Nothing of the conversation is recorded, so none of the
 * attributes that hold messages are here.
 */
public final class GenAi {

  /** What is done; {@link #CHAT} or {@link #INVOKE_AGENT}. */
  public static final AttributeKey<String> OPERATION_NAME =
      AttributeKey.stringKey("gen_ai.operation.name");

  /** Whose API is spoken: {@code anthropic}, {@code openai} or {@code ollama}. */
  public static final AttributeKey<String> PROVIDER_NAME =
      AttributeKey.stringKey("gen_ai.provider.name");

  /** The session's id. */
  public static final AttributeKey<String> CONVERSATION_ID =
      AttributeKey.stringKey("gen_ai.conversation.id");

  /** The agent's name. */
  public static final AttributeKey<String> AGENT_NAME = AttributeKey.stringKey("gen_ai.agent.name");

  /** The model that is asked. */
  public static final AttributeKey<String> REQUEST_MODEL =
      AttributeKey.stringKey("gen_ai.request.model");

  /** The longest answer that is asked for. */
  public static final AttributeKey<Long> REQUEST_MAX_TOKENS =
      AttributeKey.longKey("gen_ai.request.max_tokens");

  /** Whether the answer is a stream; always. */
  public static final AttributeKey<Boolean> REQUEST_STREAM =
      AttributeKey.booleanKey("gen_ai.request.stream");

  /** The model that has answered. */
  public static final AttributeKey<String> RESPONSE_MODEL =
      AttributeKey.stringKey("gen_ai.response.model");

  /** Why the answer ended, one word. */
  public static final AttributeKey<List<String>> RESPONSE_FINISH_REASONS =
      AttributeKey.stringArrayKey("gen_ai.response.finish_reasons");

  /** Seconds from the request to the first piece of the answer. */
  public static final AttributeKey<Double> RESPONSE_TIME_TO_FIRST_CHUNK =
      AttributeKey.doubleKey("gen_ai.response.time_to_first_chunk");

  /** Tokens that the model has read. */
  public static final AttributeKey<Long> USAGE_INPUT_TOKENS =
      AttributeKey.longKey("gen_ai.usage.input_tokens");

  /** Tokens that it has written. */
  public static final AttributeKey<Long> USAGE_OUTPUT_TOKENS =
      AttributeKey.longKey("gen_ai.usage.output_tokens");

  /** The host of the provider's API. */
  public static final AttributeKey<String> SERVER_ADDRESS =
      AttributeKey.stringKey("server.address");

  /** Its port. */
  public static final AttributeKey<Long> SERVER_PORT = AttributeKey.longKey("server.port");

  /** A value of {@link #OPERATION_NAME}: a question to a model. */
  public static final String CHAT = "chat";

  /** A value of {@link #OPERATION_NAME}: a run of an agent. */
  public static final String INVOKE_AGENT = "invoke_agent";

  private GenAi() {}
}
