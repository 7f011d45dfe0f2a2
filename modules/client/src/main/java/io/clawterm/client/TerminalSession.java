package io.clawterm.client;

import io.clawterm.api.SessionId;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jline.keymap.KeyMap;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.Reference;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Attributes;
import org.jline.terminal.Attributes.LocalFlag;
import org.jline.terminal.Attributes.OutputFlag;
import org.jline.terminal.Terminal;
import org.jline.utils.NonBlockingInputStream;

/**
 * A session on a person's terminal (JLine): lines for agents, raw bytes for programs and pods.
 * Control-] suspends. The client must have this as its listener.
 */
public final class TerminalSession implements SessionListener {
  private static final int END_OF_INPUT = -1;
  private static final int SUSPEND_KEY = 0x1D;
  private static final int INTERRUPT_KEY = 0x03;
  private static final long POLL_MILLIS = 50;
  private static final String PROMPT = "> ";
  private static final String SUSPEND_WIDGET = "clawterm-suspend";

  private final Terminal terminal;
  private final boolean program;
  private final LineReader reader;
  private final Screen screen;
  private final AtomicBoolean suspendAsked = new AtomicBoolean();

  private TerminalSession(Terminal terminal, boolean program, LineReader reader) {
    this.terminal = terminal;
    this.program = program;
    this.reader = reader;
    boolean ansi = !terminal.getType().startsWith(Terminal.TYPE_DUMB);
    this.screen =
        program
            ? Screen.raw(terminal.writer(), ansi)
            : Screen.terminal(terminal.writer(), ansi, this::abovePrompt);
  }

  /**
   * A session on this terminal.
   *
   * @param program the target is a program or a pod: bytes go through as they are; else it is an
   *     agent, and the session must have asked for structured entries
   * @param history keeps the lines typed
   */
  public static TerminalSession on(Terminal terminal, boolean program, Optional<Path> history) {
    LineReaderBuilder builder =
        LineReaderBuilder.builder()
            .terminal(terminal)
            .appName("clawterm")
            .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true);
    history.ifPresent(file -> builder.variable(LineReader.HISTORY_FILE, file));
    return new TerminalSession(terminal, program, builder.build());
  }

  @Override
  public void changed(SessionId session, ConnectionEvent event) {
    screen.connectionEvents().accept(event);
  }

  /** Runs until the person suspends or the session ends, and tells how it ended. */
  public Ending run(ClientSession session) throws IOException {
    Thread here = Thread.currentThread();
    // A person who sits at the prompt is told at once that there is nobody to talk to.
    CompletableFuture<Void> interrupted =
        session
            .endedFuture()
            .thenRun(() -> {
              if (!suspendAsked.get()) {
                here.interrupt();
              }
            });
    if (program) {
      passThrough(session);
    } else {
      talk(session);
    }
    interrupted.join();
    Ending ending = session.endedFuture().join();
    // The interrupt from above has done its work.
    Thread.interrupted();
    tell(session, ending);
    return ending;
  }

  private void talk(ClientSession session) throws IOException {
    var view = new AgentView(screen, session.device(), session.joinedAt());
    session.whenEnded(view::over);
    reader
        .getWidgets()
        .put(
            SUSPEND_WIDGET,
            () -> {
              suspend(session);
              throw new UserInterruptException("");
            });
    // JLine always has its main key map.
    Objects.requireNonNull(reader.getKeyMaps().get(LineReader.MAIN))
        .bind(new Reference(SUSPEND_WIDGET), KeyMap.ctrl(']'));
    session.onOutput(view);
    // Without a handler of our own an interrupt between two prompts would end the program.
    Terminal.SignalHandler before =
        terminal.handle(Terminal.Signal.INT, signal -> stopAnswer(session, view));
    try {
      converse(session, view);
    } finally {
      terminal.handle(Terminal.Signal.INT, before);
    }
  }

  private static void stopAnswer(ClientSession session, AgentView view) {
    if (view.isBusy()) {
      session.sendJson(AgentView.abort()).exceptionally(failure -> 0L);
    }
  }

  private void converse(ClientSession session, AgentView view) throws IOException {
    String typedAhead = "";
    while (!session.endedFuture().isDone() && !suspendAsked.get()) {
      typedAhead = whileAnswering(session, view, typedAhead);
      if (!session.endedFuture().isDone() && !suspendAsked.get()) {
        readAndSend(session, view, typedAhead);
        typedAhead = "";
      }
    }
  }

  private void readAndSend(ClientSession session, AgentView view, String typedAhead) {
    try {
      String line =
          reader.readLine(PROMPT, null, (org.jline.reader.MaskingCallback) null, typedAhead);
      if (line != null && !line.isBlank() && session.watches()) {
        screen.error("not sent: this device only watches");
      } else if (line != null && !line.isBlank()) {
        view.asking();
        session
            .sendJson(AgentView.input(line))
            .exceptionally(failure -> {
              screen.error("not sent: " + PlainText.of(String.valueOf(failure.getMessage())));
              return 0L;
            });
      }
    } catch (UserInterruptException e) {
      // Control-C at the prompt gives the line up, as in a shell.
      screen.endText();
    } catch (EndOfFileException e) {
      suspend(session);
    }
  }

  /** While an answer comes: Control-C stops it, Control-] suspends, the rest is typed ahead. */
  private String whileAnswering(ClientSession session, AgentView view, String before)
      throws IOException {
    var typed = new StringBuilder(before);
    Attributes saved = terminal.enterRawMode();
    try {
      while (view.isBusy() && !suspendAsked.get()) {
        int key = readKey();
        if (key == SUSPEND_KEY || key == END_OF_INPUT) {
          suspend(session);
        } else if (key == INTERRUPT_KEY) {
          stopAnswer(session, view);
        } else if (key >= ' ') {
          typed.append((char) key);
        }
      }
    } finally {
      terminal.setAttributes(saved);
    }
    return typed.toString();
  }

  /** A character, or {@link #END_OF_INPUT}, or another number below 0 for none so far. */
  private int readKey() throws IOException {
    try {
      return terminal.reader().read(POLL_MILLIS);
    } catch (InterruptedIOException e) {
      // The session has ended; the caller looks.
      return NonBlockingInputStream.READ_EXPIRED;
    }
  }

  private void passThrough(ClientSession session) throws IOException {
    Attributes saved = terminal.enterRawMode();
    Terminal.SignalHandler before =
        terminal.handle(Terminal.Signal.WINCH, signal -> resize(session));
    try {
      Attributes raw = terminal.getAttributes();
      raw.setLocalFlags(EnumSet.of(LocalFlag.ISIG), false);
      raw.setOutputFlag(OutputFlag.OPOST, false);
      terminal.setAttributes(raw);
      resize(session);
      session.onOutput(this::write);
      byte[] keys = new byte[4_096];
      while (!session.endedFuture().isDone() && !suspendAsked.get()) {
        int count = readKeys(keys);
        if (count < 0) {
          suspend(session);
        } else if (count > 0) {
          pass(session, Arrays.copyOf(keys, count));
        }
      }
    } finally {
      terminal.handle(Terminal.Signal.WINCH, before);
      terminal.setAttributes(saved);
    }
  }

  /** Bytes typed within the poll interval, 0 where there are none, -1 at the end. */
  private int readKeys(byte[] keys) throws IOException {
    try {
      if (terminal.input() instanceof NonBlockingInputStream input) {
        int count = input.readBuffered(keys, POLL_MILLIS);
        return count == NonBlockingInputStream.READ_EXPIRED ? 0 : count;
      }
      return terminal.input().read(keys);
    } catch (InterruptedIOException e) {
      // The session has ended; the caller looks.
      return 0;
    }
  }

  private void pass(ClientSession session, byte[] keys) {
    int at = 0;
    while (at < keys.length && keys[at] != SUSPEND_KEY) {
      at++;
    }
    if (at > 0) {
      session.send(Arrays.copyOf(keys, at)).exceptionally(failure -> 0L);
    }
    if (at < keys.length) {
      suspend(session);
    }
  }

  private void write(Received received) {
    switch (received) {
      case Received.Gap gap ->
          screen.dim(
              "— output %d to %d is not here any more —"
                  .formatted(gap.firstMissing(), gap.lastMissing()));
      case Received.Entry entry when entry.structured() ->
          new AgentView(screen, "", 0).accept(entry);
      case Received.Entry entry -> {
        try {
          OutputStream out = terminal.output();
          out.write(entry.bytes());
          out.flush();
        } catch (IOException e) {
          throw new java.io.UncheckedIOException("the terminal is gone", e);
        }
      }
    }
  }

  private void resize(ClientSession session) {
    int columns = terminal.getSize().getColumns();
    int rows = terminal.getSize().getRows();
    if (columns > 0 && rows > 0) {
      session.resize(Math.min(columns, 0xFFFF), Math.min(rows, 0xFFFF));
    }
  }

  private void suspend(ClientSession session) {
    if (suspendAsked.compareAndSet(false, true)) {
      session.suspend();
    }
  }

  private void tell(ClientSession session, Ending ending) {
    screen.endText();
    switch (ending) {
      case Ending.Suspended suspended ->
          screen.dim("suspended; to go on: clawterm resume " + session.id());
      case Ending.Left left -> screen.dim("let go; to go on: clawterm resume " + session.id());
      case Ending.Closed closed -> screen.dim("the session is over");
      case Ending.Failed(ClientException cause) ->
          screen.error(PlainText.of(String.valueOf(cause.getMessage())));
    }
  }

  private boolean abovePrompt(String line) {
    if (!reader.isReading()) {
      return false;
    }
    if (!line.isEmpty()) {
      reader.printAbove(line);
    }
    return true;
  }
}
