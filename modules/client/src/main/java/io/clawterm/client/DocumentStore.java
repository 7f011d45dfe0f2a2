package io.clawterm.client;

import io.clawterm.api.SessionId;
import io.clawterm.client.StoredSession.Owner;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** What stores do alike: every change is one step from one document to the next. */
abstract sealed class DocumentStore implements SessionStore permits FileStore, MemoryStore {
  private final Owner me;

  DocumentStore(Owner me) {
    this.me = me;
  }

  /** The document as it is now. */
  abstract StoredSessions read();

  /** Replaces the document, alone and durably; the same document back means: no change. */
  abstract void update(UnaryOperator<StoredSessions> step);

  @Override
  public List<StoredSession> all() {
    return read().sessions();
  }

  @Override
  public StoredSession claim(ServerAddress address, SessionId session, String device) {
    update(document -> {
      StoredSession found =
          document
              .find(address, session, device)
              .orElseThrow(() -> new ClientException.UnknownSession(session, address));
      Owner owner = found.owner();
      if (owner != null && found.heldByOther(me)) {
        throw new ClientException.InUse(session, owner.pid());
      }
      return document.with(found.ownedBy(me));
    });
    return read()
        .find(address, session, device)
        .orElseThrow(() -> new ClientException.UnknownSession(session, address));
  }

  @Override
  public Optional<StoredSession> leftBehind(
      ServerAddress address, SessionId session, String device) {
    return read()
        .find(address, session, device)
        .filter(stored -> stored.device().equals(device) && !stored.heldByOther(me));
  }

  @Override
  public void take(StoredSession session) {
    update(document -> document.with(session.ownedBy(me)));
  }

  @Override
  public boolean save(StoredSession session) {
    boolean[] mine = new boolean[1];
    update(document -> {
      mine[0] = isMine(document, session);
      return mine[0] ? document.with(session.ownedBy(me)) : document;
    });
    return mine[0];
  }

  @Override
  public void release(StoredSession session) {
    update(document -> isMine(document, session) ? document.with(session.ownedBy(null)) : document);
  }

  @Override
  public void remove(ServerAddress address, SessionId session) {
    update(document -> document.without(address, session));
  }

  private boolean isMine(StoredSessions document, StoredSession session) {
    return document.same(session).map(StoredSession::owner).filter(me::equals).isPresent();
  }
}
