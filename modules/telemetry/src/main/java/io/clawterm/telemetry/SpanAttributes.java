package io.clawterm.telemetry;

import io.opentelemetry.api.common.AttributeKey;

/**
 * What ClawTerm's own spans say, beside the names of OpenTelemetry's conventions. Ids, counts and
 * words from short lists: nothing that anybody has typed, and nothing that a model or a program has
 * said.
 */
public final class SpanAttributes {

  /** The session's id in hexadecimal digits. */
  public static final AttributeKey<String> SESSION = AttributeKey.stringKey("clawterm.session");

  /** What a connection came in by: {@code tcp}, {@code unix} and so on. */
  public static final AttributeKey<String> TRANSPORT = AttributeKey.stringKey("clawterm.transport");

  /** DATA frames that were handed to a session as one message. */
  public static final AttributeKey<Long> INPUT_FRAMES =
      AttributeKey.longKey("clawterm.input.frames");

  /** The bytes of their payloads. */
  public static final AttributeKey<Long> INPUT_BYTES = AttributeKey.longKey("clawterm.input.bytes");

  /** Whether the input became durable before its attachment was over. */
  public static final AttributeKey<Boolean> INPUT_DURABLE =
      AttributeKey.booleanKey("clawterm.input.durable");

  /** The number of a commit in its session's journal. */
  public static final AttributeKey<Long> COMMIT_NUMBER =
      AttributeKey.longKey("clawterm.commit.number");

  /** Entries that a commit appends to the log. */
  public static final AttributeKey<Long> COMMIT_ENTRIES =
      AttributeKey.longKey("clawterm.commit.entries");

  /** What those entries take in the log. */
  public static final AttributeKey<Long> COMMIT_BYTES =
      AttributeKey.longKey("clawterm.commit.bytes");

  /** How often the run was begun, from 1 on; each attempt to ask the model counts. */
  public static final AttributeKey<Long> RUN_ATTEMPT = AttributeKey.longKey("clawterm.run.attempt");

  /** The run was cut in an earlier life of its session and goes on. */
  public static final AttributeKey<Boolean> RUN_RESUMED =
      AttributeKey.booleanKey("clawterm.run.resumed");

  /**
   * How a run ended: {@code done}, {@code aborted}, {@code failed}, or {@code moved} where its
   * session's life ended first and another one goes on with it.
   */
  public static final AttributeKey<String> RUN_OUTCOME =
      AttributeKey.stringKey("clawterm.run.outcome");

  /** OpenTelemetry's name for the class of an error. */
  public static final AttributeKey<String> ERROR_TYPE = AttributeKey.stringKey("error.type");

  private SpanAttributes() {}
}
