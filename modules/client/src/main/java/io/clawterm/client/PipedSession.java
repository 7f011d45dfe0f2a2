package io.clawterm.client;

import io.clawterm.api.SessionId;
import io.clawterm.client.AgentView.Outcome;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Reader;
import org.jspecify.annotations.Nullable;

/**
 * A session with an agent without a terminal: lines in, answers out, everything else to a second
 * stream. The client must ask for structured entries and have this as its listener.
 */
public final class PipedSession implements SessionListener {
  /** All was answered. */
  public static final int DONE = 0;

  /** The last answer failed or was stopped. */
  public static final int FAILED = 1;

  /** The session ended before the answer did. */
  public static final int ENDED = 2;

  /**
   * An answer as a whole.
   *
   * @param code {@link #DONE}, {@link #FAILED} or {@link #ENDED}
   * @param text what has come of it, without what was taken back
   */
  public record Answer(int code, String text) {}

  private final Screen screen;

  /** Text goes to {@code out}, notices and the connection's state to {@code asides}. */
  public PipedSession(PrintWriter out, PrintWriter asides) {
    this.screen = Screen.pipes(out, asides);
  }

  @Override
  public void changed(SessionId session, ConnectionEvent event) {
    screen.connectionEvents().accept(event);
  }

  /**
   * Sends each line that isn't blank, and waits until all is answered after the last one. Without
   * any it shows what was missed, up to the end of a run that is under way.
   */
  public int run(ClientSession session, Reader lines) throws IOException, InterruptedException {
    AgentView view = shown(session);
    if (session.watches()) {
      return watch(session, view, new BufferedReader(lines));
    }
    var reader = new BufferedReader(lines);
    boolean asked = false;
    for (String line = reader.readLine(); line != null; line = reader.readLine()) {
      if (!line.isBlank()) {
        ask(session, view, line);
        asked = true;
      }
    }
    return asked ? exit(session, view.awaitAnswer()) : shownUpToNow(session, view);
  }

  private int watch(ClientSession session, AgentView view, BufferedReader lines)
      throws InterruptedException {
    if (lines.lines().anyMatch(line -> !line.isBlank())) {
      screen.error("not sent: this device only watches");
      return FAILED;
    }
    return shownUpToNow(session, view);
  }

  private int shownUpToNow(ClientSession session, AgentView view) throws InterruptedException {
    if (session.joinedBehind()) {
      view.awaitReplay();
    }
    Outcome outcome = view.awaitAnswer();
    return outcome == null && !(ended(session) instanceof Ending.Failed)
        ? nothingAsked()
        : exit(session, outcome);
  }

  /** Sends one text, which may have several lines, and waits until it is answered. */
  public int ask(ClientSession session, String text) throws InterruptedException {
    AgentView view = shown(session);
    ask(session, view, text);
    return exit(session, view.awaitAnswer());
  }

  /** As {@link #ask}, and gives the answer as well. */
  public Answer answer(ClientSession session, String text) throws InterruptedException {
    var collected = new AnswerText();
    AgentView view = view(session);
    // Collected first: when the view has seen the end, the text is there.
    session.onOutput(received -> {
      collected.accept(received);
      view.accept(received);
    });
    ask(session, view, text);
    int code = exit(session, view.awaitAnswer());
    return new Answer(code, collected.text());
  }

  private AgentView view(ClientSession session) {
    var view = new AgentView(screen, session.device(), session.joinedAt());
    session.whenEnded(view::over);
    return view;
  }

  private AgentView shown(ClientSession session) {
    AgentView view = view(session);
    session.onOutput(view);
    return view;
  }

  private static void ask(ClientSession session, AgentView view, String text) {
    view.asking();
    session.sendJson(AgentView.input(text)).exceptionally(failure -> 0L);
  }

  private int exit(ClientSession session, @Nullable Outcome outcome) {
    screen.endText();
    if (outcome == null && ended(session) instanceof Ending.Failed(ClientException cause)) {
      screen.error(PlainText.of(String.valueOf(cause.getMessage())));
    }
    return outcome == null ? ENDED : outcome == Outcome.DONE ? DONE : FAILED;
  }

  private int nothingAsked() {
    screen.endText();
    return DONE;
  }

  private static Ending ended(ClientSession session) {
    return session.endedFuture().getNow(new Ending.Left());
  }
}
