package io.clawterm.load;

import akka.persistence.AtomicWrite;
import akka.persistence.PersistentRepr;
import akka.persistence.journal.japi.AsyncWriteJournal;
import java.util.Collections;
import java.util.Optional;
import java.util.function.Consumer;
import scala.concurrent.Future;

/** A journal that confirms each write at once and keeps nothing: the cost of all but storage. */
final class BenchJournal extends AsyncWriteJournal {

  /** Made by Akka, by reflection. */
  BenchJournal() {}

  @Override
  public Future<Iterable<Optional<Exception>>> doAsyncWriteMessages(
      Iterable<AtomicWrite> messages) {
    int writes = 0;
    for (AtomicWrite ignored : messages) {
      writes++;
    }
    return Future.successful(Collections.nCopies(writes, Optional.empty()));
  }

  @Override
  public Future<Void> doAsyncDeleteMessagesTo(String persistenceId, long toSequenceNr) {
    return Future.successful(null);
  }

  @Override
  public Future<Void> doAsyncReplayMessages(
      String persistenceId,
      long fromSequenceNr,
      long toSequenceNr,
      long max,
      Consumer<PersistentRepr> replayCallback) {
    return Future.successful(null);
  }

  @Override
  public Future<Long> doAsyncReadHighestSequenceNr(String persistenceId, long fromSequenceNr) {
    return Future.successful(0L);
  }
}
