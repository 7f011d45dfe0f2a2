package io.clawterm.client;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * How this process's hold on a session stands: what the application wants of it, the connection
 * that it has, and its end. With the lock under which the parts of a {@link SessionDriver} keep
 * what several threads see; a method says so where the caller must hold it.
 */
final class Standing {

  /** What the application wants of the session. */
  enum Goal {
    STAY,
    SUSPEND,
    DISCONNECT,
    LEAVE
  }

  final ReentrantLock lock = new ReentrantLock();

  /** The writer, or the wait before a reconnect, has a reason to look. */
  final Condition work = lock.newCondition();

  /** Whoever waits for room in the unacknowledged window has a reason to look. */
  final Condition room = lock.newCondition();

  private Goal goal = Goal.STAY;
  private @Nullable Connection current;
  private @Nullable Ending over;

  /** What is wanted; under the lock. */
  Goal goal() {
    return goal;
  }

  boolean wants(Goal which) {
    lock.lock();
    try {
      return goal == which;
    } finally {
      lock.unlock();
    }
  }

  /** Notes what is wanted from now on; false where that is settled already. */
  boolean pursue(Goal next) {
    lock.lock();
    try {
      boolean open = goal == Goal.STAY && over == null;
      if (open) {
        goal = next;
        work.signalAll();
        room.signalAll();
      }
      return open;
    } finally {
      lock.unlock();
    }
  }

  /** Nothing more is wanted, and the connection ends. */
  void leave() {
    lock.lock();
    try {
      goal = Goal.LEAVE;
      if (current != null) {
        current.close();
      }
      work.signalAll();
      room.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Makes this the connection; false where none is wanted any more. */
  boolean enter(Connection connection) {
    lock.lock();
    try {
      current = connection;
      return goal != Goal.LEAVE;
    } finally {
      lock.unlock();
    }
  }

  /** There is no connection now, or not for the time being. */
  void detach() {
    lock.lock();
    try {
      current = null;
      work.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Whether the session is attached through this connection; under the lock. */
  boolean isOn(Connection connection) {
    return current == connection && !connection.isClosed();
  }

  /** Waits for so long, or until the application lets go. */
  void pause(long nanos) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long left = nanos;
      while (left > 0 && goal != Goal.LEAVE) {
        left = work.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
  }

  /** It has ended like this; a second time where storing it has failed as well. */
  void end(Ending ending) {
    lock.lock();
    try {
      over = ending;
      room.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Whether input may still come; under the lock. */
  boolean isOpen() {
    return over == null && goal == Goal.STAY;
  }

  /** Why an input was not acknowledged, once it can't be any more. */
  ClientException notSent() {
    lock.lock();
    try {
      return over instanceof Ending.Failed(ClientException cause)
          ? cause
          : new ClientException.Ended("the session was let go of before this was acknowledged");
    } finally {
      lock.unlock();
    }
  }
}
