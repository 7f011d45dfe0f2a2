package io.clawterm.session;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Which entries the log of a session has, and where the journal holds them. A part of the state.
 *
 * @param first the lowest number that retention keeps
 * @param head the newest number
 * @param bytes what all entries that there ever were take; only differences mean something
 * @param marks where the journal holds which number, about each 64 KB, at most {@link #MAX_MARKS}
 */
record LogExtent(long first, long head, long bytes, List<Mark> marks) {

  static final int MAX_MARKS = 256;
  static final long MARK_BYTES = 65_536;

  LogExtent {
    marks = List.copyOf(marks);
  }

  LogExtent plus(int entries, long size) {
    return new LogExtent(first, head + entries, bytes + size, marks);
  }

  LogExtent from(long number) {
    List<Mark> left = new ArrayList<>(marks);
    while (left.size() > 1 && left.get(1).number() <= number) {
      left.remove(0);
    }
    return new LogExtent(number, head, bytes, left);
  }

  /** Notes that the journal's event {@code journal} holds the entries from {@code number} on. */
  LogExtent mark(long number, long journal, long bytesBefore, Instant at) {
    if (head < number
        || (!marks.isEmpty() && bytesBefore - marks.getLast().bytesBefore() < MARK_BYTES)) {
      return this;
    }
    List<Mark> more = new ArrayList<>(marks);
    if (more.size() >= MAX_MARKS) {
      List<Mark> half = new ArrayList<>();
      for (int i = 0; i < more.size(); i += 2) {
        half.add(more.get(i));
      }
      more = half;
    }
    more.add(new Mark(number, journal, bytesBefore, at));
    return new LogExtent(first, head, bytes, more);
  }

  /** A journal sequence number at or before the event that holds the entry. */
  long journalOf(long number) {
    long journal = 1;
    for (Mark mark : marks) {
      if (mark.number() > number) {
        break;
      }
      journal = mark.journal();
    }
    return journal;
  }

  /** The bytes that the entries below the mark's number take, and when they were written. */
  record Mark(long number, long journal, long bytesBefore, Instant at) {}
}
