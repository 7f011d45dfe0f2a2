package io.clawterm.edge;

import io.clawterm.session.Entry;
import io.clawterm.session.SessionCommand.Emit;
import io.clawterm.session.SessionCommand.Finish;
import io.clawterm.session.TargetContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Semaphore;

/**
 * What one life has its session store: entries, and in one piece with them the memo that counts
 * them. One emission is unconfirmed at a time; what comes meanwhile goes into the next one.
 */
final class PodEmissions {

  private final TargetContext life;
  private final SealedText seal;
  private final Semaphore credit;

  private final List<Entry> pending = new ArrayList<>();
  private int pendingCredit;
  private PodMemo memo;
  private PodMemo durable;
  private boolean changed;
  private long emitted;
  private long confirmed;
  private int unconfirmedCredit;
  private PodMemo unconfirmed;
  private long storedCredit;
  private boolean finished;

  /**
   * Begins with what the life before has stored.
   *
   * @param credit is given what entries took of it once they are durable
   */
  PodEmissions(TargetContext life, SealedText seal, Semaphore credit) {
    this.life = life;
    this.seal = seal;
    this.credit = credit;
    this.memo =
        life.memo()
            .map(stored -> PodMemo.from(stored, seal, life.id()))
            .orElseGet(() -> PodMemo.beginning(0));
    this.durable = memo;
    this.unconfirmed = memo;
    this.changed = life.memo().isEmpty();
  }

  /** The newest one, of which not all need be durable. */
  PodMemo memo() {
    return memo;
  }

  /** The one of the last emission that was confirmed. */
  PodMemo durable() {
    return durable;
  }

  /** How much credit has come back in this life. */
  long storedCredit() {
    return storedCredit;
  }

  /** Whether nothing is unconfirmed and nothing waits. */
  boolean areDurable() {
    return emitted == confirmed && !changed && pending.isEmpty();
  }

  /** Tells people something, in the log. */
  void tell(String text) {
    pending.add(TargetNotice.of(text));
  }

  /** An entry that has taken this credit; the memo that counts it is to follow. */
  void add(Entry entry, int cost) {
    pending.add(entry);
    pendingCredit += cost;
  }

  void remember(PodMemo next) {
    memo = next;
    changed = true;
  }

  /** Emits what there is unless an emission is under way; finishes when all is durable. */
  void emitNext() {
    if (emitted > confirmed || finished) {
      return;
    }
    if (!changed && pending.isEmpty()) {
      memo.end().ifPresent(this::finish);
      return;
    }
    emitted++;
    unconfirmed = memo;
    unconfirmedCredit = pendingCredit;
    OptionalLong consumedUpTo =
        memo.acknowledged() > 0 ? OptionalLong.of(memo.acknowledged()) : OptionalLong.empty();
    life.session()
        .tell(
            new Emit(
                life.epoch(), pending, consumedUpTo, Optional.of(memo.toMemo(seal, life.id()))));
    pending.clear();
    pendingCredit = 0;
    changed = false;
  }

  private void finish(String text) {
    finished = true;
    life.session().tell(new Finish(life.epoch(), text));
  }

  /** The session has stored so many emissions of this life; whether that is all of them. */
  boolean confirmed(long count) {
    confirmed = count;
    if (confirmed < emitted) {
      return false;
    }
    durable = unconfirmed;
    credit.release(unconfirmedCredit);
    storedCredit += unconfirmedCredit;
    unconfirmedCredit = 0;
    return true;
  }
}
