package io.clawterm.agent;

import io.clawterm.session.Entries;
import io.clawterm.session.Entry;
import java.util.ArrayList;
import java.util.List;

/** What a run has to say and has not committed yet, in order; small deltas grow together. */
final class RunText {

  private final List<Entry> entries = new ArrayList<>();
  private final StringBuilder open = new StringBuilder();
  private boolean thinking;
  private int closed;

  void addText(String delta) {
    grow(delta, false);
  }

  void addThinking(String delta) {
    grow(delta, true);
  }

  void add(Entry entry) {
    close();
    entries.add(entry);
  }

  /** All of it, taken out; but half a surrogate pair stays until its other half comes. */
  List<Entry> take() {
    boolean half = !open.isEmpty() && Character.isHighSurrogate(open.charAt(open.length() - 1));
    char begun = half ? open.charAt(open.length() - 1) : ' ';
    if (half) {
      open.setLength(open.length() - 1);
    }
    close();
    if (half) {
      open.append(begun);
    }
    List<Entry> taken = List.copyOf(entries);
    entries.clear();
    closed = 0;
    return taken;
  }

  /** The characters of the deltas that have not been taken out. */
  int length() {
    return closed + open.length();
  }

  private void grow(String delta, boolean isThinking) {
    if (thinking != isThinking) {
      close();
      thinking = isThinking;
    }
    open.append(delta);
  }

  private void close() {
    if (!open.isEmpty()) {
      List<Entry> parts = Entries.text(open.toString());
      if (thinking) {
        parts.forEach(part -> entries.add(AgentEntries.thinking(part.body().utf8())));
      } else {
        entries.addAll(parts);
      }
      closed += open.length();
      open.setLength(0);
    }
  }
}
