package io.clawterm.session;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** The newest entries of a log, in memory: a cache of the journal, allocated as it fills. */
final class Tail {

  private final long maxBytes;
  private final ArrayDeque<Entry> entries = new ArrayDeque<>(4);
  private long first;
  private long bytes;

  /** Empty, before the entry {@code first}. */
  Tail(long maxBytes, long first) {
    this.maxBytes = maxBytes;
    this.first = first;
  }

  /** Adds the next entry; the oldest ones give way, the newest always stays. */
  void add(Entry entry) {
    entries.addLast(entry);
    bytes += entry.size();
    while (bytes > maxBytes && entries.size() > 1) {
      bytes -= entries.removeFirst().size();
      first++;
    }
  }

  boolean holds(long number) {
    return number >= first && number < first + entries.size();
  }

  /** The entries from a held number on, at least one, no more than the bytes beyond it. */
  List<Entry> from(long number, long maxSize) {
    if (number == first + entries.size() - 1) {
      return List.of(entries.getLast());
    }
    List<Entry> found = new ArrayList<>();
    long size = 0;
    // Nearly always the end of the tail is wanted: walk from there to the number.
    Iterator<Entry> backwards = entries.descendingIterator();
    for (long at = first + entries.size() - 1; at >= number; at--) {
      found.add(backwards.next());
    }
    List<Entry> ordered = found.reversed();
    int keep = 0;
    while (keep < ordered.size() && (keep == 0 || size + ordered.get(keep).size() <= maxSize)) {
      size += ordered.get(keep).size();
      keep++;
    }
    return ordered.subList(0, keep);
  }
}
