package io.clawterm.client;

import io.clawterm.api.SessionId;
import java.util.List;
import java.util.Optional;

/**
 * Where sessions are kept over the life of a connection or a process. All methods may be called by
 * several threads; {@link ClientException.StoreFailed} where the disk fails.
 */
interface SessionStore extends AutoCloseable {

  /** All of them, whatever the server. */
  List<StoredSession> all();

  /**
   * Makes a session this client's own and answers with it.
   *
   * @throws ClientException.UnknownSession where there is none
   * @throws ClientException.InUse where a live process has it open
   */
  StoredSession claim(ServerAddress address, SessionId session, String device);

  /**
   * The session as an earlier process left it, where this client has just been given the same one
   * anew; empty too where a live process has it.
   */
  Optional<StoredSession> leftBehind(ServerAddress address, SessionId session, String device);

  /** Stores a session that this client was just given, whoever had it before. */
  void take(StoredSession session);

  /** Stores a session durably; false, and nothing stored, where somebody else has taken it. */
  boolean save(StoredSession session);

  /** Stores it for the last time, and lets others have it. */
  void release(StoredSession session);

  /** Forgets a session. */
  void remove(ServerAddress address, SessionId session);

  @Override
  void close();
}
