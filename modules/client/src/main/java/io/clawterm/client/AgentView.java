package io.clawterm.client;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Shows an agent's structured entries on a screen, and knows whether all that was asked has been
 * answered.
 */
final class AgentView implements Consumer<Received> {
  /** How a run has ended. */
  enum Outcome {
    DONE,
    FAILED,
    ABORTED
  }

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final Screen screen;
  private final String device;
  private final long joinedAt;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  private long asked;
  private long own;
  private long lastOwn;
  private long answers;
  private long shown;
  private boolean running;
  private @Nullable Outcome last;
  private boolean over;

  /**
   * @param device whose messages the person has typed here and need not see again
   * @param joinedAt messages up to this number were not typed here, whatever the device
   */
  AgentView(Screen screen, String device, long joinedAt) {
    this.screen = screen;
    this.device = device;
    this.joinedAt = joinedAt;
  }

  /** A message of this device as it is sent. */
  static String input(String text) {
    return JSON.createObjectNode().put("type", "input").put("text", text).toString();
  }

  /** Asks for the present run to be stopped. */
  static String abort() {
    return JSON.createObjectNode().put("type", "abort").toString();
  }

  /** Notes that a message is about to be sent. */
  void asking() {
    lock.lock();
    try {
      asked++;
      last = null;
    } finally {
      lock.unlock();
    }
  }

  /** Notes that the session is over, so that nobody waits for an answer. */
  void over() {
    lock.lock();
    try {
      over = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Whether an answer is due or under way. */
  boolean isBusy() {
    lock.lock();
    try {
      return busy();
    } finally {
      lock.unlock();
    }
  }

  private boolean busy() {
    return !over && (running || own < asked || answers < lastOwn);
  }

  /** Waits until what was said before this device joined is shown. */
  void awaitReplay() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (!over && shown < joinedAt) {
        changed.await();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Waits until all is answered; null where the session has ended before. */
  @Nullable Outcome awaitAnswer() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (busy()) {
        changed.await();
      }
      return last;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void accept(Received received) {
    switch (received) {
      case Received.Gap gap ->
          screen.dim(
              "— entries %d to %d are not here any more —"
                  .formatted(gap.firstMissing(), gap.lastMissing()));
      case Received.Entry entry when !entry.structured() -> screen.text(PlainText.of(entry.text()));
      case Received.Entry entry -> structured(entry);
    }
    shown(
        switch (received) {
          case Received.Gap gap -> gap.lastMissing();
          case Received.Entry entry -> entry.number();
        });
  }

  private void shown(long number) {
    lock.lock();
    try {
      shown = number;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void structured(Received.Entry entry) {
    JsonNode object;
    try {
      object = JSON.readTree(entry.text());
    } catch (JsonProcessingException e) {
      screen.error("[entry " + entry.number() + " is no JSON object]");
      return;
    }
    switch (object.path("type").asText()) {
      case "text" -> screen.text(textOf(object));
      case "message" -> message(entry.number(), object);
      case "status" -> status(object);
      case "notice" -> screen.dim("[" + textOf(object) + "]");
      case "error" -> screen.error("[" + textOf(object) + "]");
      case "retract" -> screen.dim("— the answer is started again —");
      case "tool_call" -> screen.dim("[" + PlainText.of(object.path("name").asText("tool")) + "]");
      default -> {
        // Thinking, and types that came later: not for this screen, and no reason to stop.
      }
    }
  }

  private void message(long number, JsonNode object) {
    boolean user = object.path("role").asText().equals("user");
    String from = object.path("device").asText();
    boolean typedHere = user && from.equals(device) && number > joinedAt;
    if (typedHere) {
      update(() -> {
        own += object.path("more").asBoolean() ? 0 : 1;
        lastOwn = number;
      });
    } else if (user) {
      String who = from.equals(device) ? "" : PlainText.of(from) + " ";
      screen.dim(who + "> " + textOf(object));
    } else {
      screen.text(textOf(object));
      screen.endText();
    }
  }

  private void status(JsonNode object) {
    switch (object.path("run").asText()) {
      case "started" ->
          update(() -> {
            running = true;
            answers = Math.max(answers, object.path("answers").asLong(lastOwn));
          });
      case "ended" -> {
        screen.endText();
        Outcome outcome = outcome(object.path("outcome").asText());
        if (outcome == Outcome.FAILED) {
          screen.error("[failed: " + PlainText.of(object.path("error").asText()) + "]");
        } else if (outcome == Outcome.ABORTED) {
          screen.dim("[stopped]");
        }
        update(() -> {
          running = false;
          last = outcome;
        });
      }
      default -> {
        // Progress that came later; the text says enough.
      }
    }
  }

  private static Outcome outcome(String name) {
    return switch (name) {
      case "done" -> Outcome.DONE;
      case "aborted" -> Outcome.ABORTED;
      default -> Outcome.FAILED;
    };
  }

  private static String textOf(JsonNode object) {
    return PlainText.of(object.path("text").asText());
  }

  private void update(Runnable change) {
    lock.lock();
    try {
      change.run();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
