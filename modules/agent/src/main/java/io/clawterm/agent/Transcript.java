package io.clawterm.agent;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.model.Role;
import io.clawterm.model.Turn;
import io.clawterm.session.Entry;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.TreeMap;

/**
 * A conversation, as the entries of a session's log make it: the same whether they are read back
 * after a crash or added as they are written.
 */
final class Transcript {

  private static final ObjectMapper JSON = new ObjectMapper();

  private final int maxChars;
  private final TreeMap<Long, Message> unanswered = new TreeMap<>();
  private final List<Kept> turns = new ArrayList<>();
  private long chars;

  private long runStart;
  private boolean running;
  private final TreeMap<Long, String> answer = new TreeMap<>();

  private record Message(String device, String text) {}

  /** A turn and the entry from which on it can be read back. */
  private record Kept(Turn turn, long from) {

    int chars() {
      return turn.text().length();
    }
  }

  /** Empty; older turns are given up beyond {@code maxChars}, the newest is always kept. */
  Transcript(int maxChars) {
    this.maxChars = maxChars;
  }

  /** Adds the entry with the next number. */
  void add(long number, Entry entry) {
    switch (entry.kind()) {
      case TEXT -> {
        if (running) {
          answer.put(number, entry.body().utf8());
        }
      }
      case EVENT -> addEvent(number, entry);
      case BYTES -> {} // not a conversation's
    }
  }

  private void addEvent(long number, Entry entry) {
    JsonNode event = parse(entry);
    switch (event.path("type").asText()) {
      case "message" ->
          unanswered.put(
              number, new Message(event.path("device").asText(), event.path("text").asText()));
      case "status" -> {
        if (event.path("run").asText().equals("started")) {
          start(number, event.path("answers").asLong(), event.path("to").asLong());
        } else {
          end();
        }
      }
      case "notice" -> {
        if (event.has("refuses")) {
          takeOut(event.path("refuses").asLong(), event.path("to").asLong());
        }
      }
      case "retract" ->
          answer.subMap(event.path("from").asLong(), true, event.path("to").asLong(), true).clear();
      default -> {} // shown to people, no part of what is said
    }
  }

  private void start(long number, long first, long last) {
    end();
    runStart = number;
    running = true;
    if (!unanswered.containsKey(first)) {
      // Its question is older than what was read: what is known from before it has a hole.
      turns.clear();
      chars = 0;
    }
    append(Role.USER, takeOut(first, last), first);
  }

  /** Takes out the message that stands in these entries, among entries of other devices. */
  private String takeOut(long first, long last) {
    var text = new StringBuilder();
    Message begin = unanswered.get(first);
    if (begin != null) {
      var entries = unanswered.subMap(first, true, last, true).values().iterator();
      while (entries.hasNext()) {
        Message part = entries.next();
        if (part.device().equals(begin.device())) {
          text.append(part.text());
          entries.remove();
        }
      }
    }
    return text.toString();
  }

  /** Whether the message that this entry is of was neither taken by a run nor refused. */
  boolean isUnanswered(long number) {
    return unanswered.containsKey(number);
  }

  /** Gives up an entry of input that belongs to no message. */
  void forget(long number) {
    unanswered.remove(number);
  }

  /**
   * Gives up entries of input before this one. An earlier life has passed over them, as what was
   * left of a message that it had refused, or they are the end of one whose begin was not read.
   */
  void forgetBefore(long number) {
    unanswered.headMap(number).clear();
  }

  private void end() {
    if (running) {
      append(Role.ASSISTANT, answer(), runStart);
    }
    running = false;
    answer.clear();
  }

  private void append(Role role, String text, long from) {
    if (text.isEmpty()) {
      return;
    }
    turns.add(new Kept(new Turn(role, text), from));
    chars += text.length();
    while (chars > maxChars && turns.size() > 1) {
      chars -= turns.removeFirst().chars();
    }
  }

  /**
   * From where on a later life has to read to know all these turns; nothing before the first. A
   * message may be answered after one that has begun later; and one that is answered already,
   * though that is still being stored, must be there when its run is read back.
   */
  Optional<AgentMemo.Context> context() {
    if (turns.isEmpty()) {
      return Optional.empty();
    }
    long oldest = unanswered.isEmpty() ? Long.MAX_VALUE : unanswered.firstKey();
    for (Kept kept : turns) {
      oldest = Math.min(oldest, kept.from());
    }
    return Optional.of(new AgentMemo.Context(oldest, maxChars));
  }

  /**
   * The turns that are over, and the user's of the run under way. Providers want the roles in turn:
   * questions without an answer, whose runs have failed, are one with the next.
   */
  List<Turn> turns() {
    List<Turn> joined = new ArrayList<>();
    int next = 0;
    while (next < turns.size()) {
      Role role = turns.get(next).turn().role();
      var text = new StringJoiner("\n\n");
      for (; next < turns.size() && turns.get(next).turn().role() == role; next++) {
        text.add(turns.get(next).turn().text());
      }
      joined.add(new Turn(role, text.toString()));
    }
    return joined;
  }

  /** What the run under way has said so far and not taken back. */
  String answer() {
    return String.join("", answer.values());
  }

  /** The ranges of entries that {@link #answer()} stands in, as pairs of first and last. */
  List<long[]> answerRanges() {
    List<long[]> ranges = new ArrayList<>();
    for (long number : answer.keySet()) {
      if (!ranges.isEmpty() && ranges.getLast()[1] == number - 1) {
        ranges.getLast()[1] = number;
      } else {
        ranges.add(new long[] {number, number});
      }
    }
    return ranges;
  }

  /** The entry with which the newest run began; 0 before the first. */
  long runStart() {
    return runStart;
  }

  private static JsonNode parse(Entry entry) {
    try {
      return JSON.readTree(entry.body().utf8());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("the log holds an event that is no JSON", e);
    }
  }
}
