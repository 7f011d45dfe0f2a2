package io.clawterm.edge;

import com.pty4j.PtyProcess;
import com.pty4j.PtyProcessBuilder;
import com.pty4j.WinSize;
import com.pty4j.unix.UnixPtyProcess;
import io.clawterm.session.Attachment.WindowSize;
import io.clawterm.session.Bytes;
import io.clawterm.session.TargetContext;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One program on a pseudo-terminal, with its bounded buffers.
 *
 * <p>Two daemon threads of the platform do what blocks: one starts the program, reads it and waits
 * for its end, one writes to it. They aren't virtual threads, because the library blocks in native
 * code, which would hold on to a carrier. All methods may be called from any thread and none
 * blocks.
 */
final class PtyProgram {

  private static final Logger log = LoggerFactory.getLogger(PtyProgram.class);
  private static final int READ_BYTES = 32 * 1024;

  /** The library copies wrongly at offsets above 0, so that each write is an array of its own. */
  private static final int WRITE_BYTES = 4 * 1024;

  /** Told from the program's threads. */
  interface Listener {

    /** The buffer of output, empty before, has something. */
    void outputWaits();

    /** The program is gone and all its output is in the buffer; told once. */
    void ended(String text);
  }

  private sealed interface Order {
    record Write(long number, Bytes bytes) implements Order {}

    /** Sets the newest size; there is one such order at a time. */
    record Resize() implements Order {}

    /** Ends the thread that writes. */
    record Leave() implements Order {}
  }

  private final List<String> line;
  private final PtySettings settings;
  private final WindowSize size;
  private final String name;
  private final BooleanSupplier mayAct;
  private final Listener listener;
  private final Runnable onGone;

  private final LinkedBlockingQueue<Order> orders = new LinkedBlockingQueue<>();
  private final AtomicInteger unwrittenBytes = new AtomicInteger();
  private final AtomicLong written = new AtomicLong();
  private final AtomicReference<@Nullable WindowSize> nextSize = new AtomicReference<>();
  private final AtomicBoolean ending = new AtomicBoolean();

  private final Object lock = new Object();
  private final ByteArrayOutputStream output = new ByteArrayOutputStream();
  private boolean launched;
  private boolean discarding;
  private boolean exited;
  private boolean over;
  private @Nullable UnixPtyProcess process;

  /**
   * A program that is yet to be started.
   *
   * @param name for its threads
   * @param mayAct asked before the program is started, and before each write to it; both wait while
   *     it is false
   * @param onGone runs when the program is gone and its threads are about to end, once
   */
  PtyProgram(
      List<String> line,
      PtySettings settings,
      WindowSize size,
      String name,
      BooleanSupplier mayAct,
      Listener listener,
      Runnable onGone) {
    this.line = line;
    this.settings = settings;
    this.size = size;
    this.name = name;
    this.mayAct = mayAct;
    this.listener = listener;
    this.onGone = onGone;
  }

  /** Starts the program, on its own thread. */
  void start() {
    synchronized (lock) {
      launched = true;
    }
    Thread.ofPlatform().daemon().name("clawterm-pty-read-" + name).start(this::run);
  }

  /**
   * Takes input for the program.
   *
   * @return false where its buffer is full: the bytes are dropped
   */
  boolean write(long number, Bytes bytes) {
    if (unwrittenBytes.get() + bytes.length() > settings.inputBufferBytes()) {
      return false;
    }
    unwrittenBytes.addAndGet(bytes.length());
    orders.add(new Order.Write(number, bytes));
    return true;
  }

  /** Gives the terminal another size, after the input so far. */
  void resize(WindowSize newSize) {
    if (nextSize.getAndSet(newSize) == null) {
      orders.add(new Order.Resize());
    }
  }

  /** The number of the last input that the program's terminal has taken; 0: none. */
  long written() {
    return written.get();
  }

  /** Takes all output that is there, and lets the program go on if it had to wait. */
  byte[] takeOutput() {
    synchronized (lock) {
      byte[] taken = output.toByteArray();
      output.reset();
      lock.notifyAll();
      return taken;
    }
  }

  /** Ends the program: SIGHUP, and SIGKILL when it has not obeyed in time. Returns at once. */
  void end() {
    boolean runs;
    synchronized (lock) {
      runs = launched;
    }
    if (runs && ending.compareAndSet(false, true)) {
      Thread.ofVirtual().name("clawterm-pty-end-" + name).start(this::hangUp);
    }
  }

  private void run() {
    String end;
    try {
      end = runToTheEnd();
    } catch (IOException | RuntimeException | LinkageError e) {
      // The border to the native library, whose failures to load are errors and unchecked.
      log.atWarn().setCause(e).log("a program could not be run");
      end = "program could not be run: " + e.getMessage();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      end = "program was given up";
    }
    synchronized (lock) {
      over = true;
      lock.notifyAll();
    }
    onGone.run();
    listener.ended(end);
  }

  private String runToTheEnd() throws IOException, InterruptedException {
    if (!awaitRight()) {
      return "program was given up";
    }
    UnixPtyProcess started = launch();
    try (InputStream in = started.getInputStream();
        OutputStream out = started.getOutputStream()) {
      synchronized (lock) {
        process = started;
        lock.notifyAll();
      }
      Thread writer =
          Thread.ofPlatform()
              .daemon()
              .name("clawterm-pty-write-" + name)
              .start(() -> obeyOrders(started, out));
      copyOutput(in);
      int status = started.waitFor();
      orders.add(new Order.Leave());
      synchronized (lock) {
        exited = true;
        lock.notifyAll();
      }
      // The streams share one descriptor: closed while a write is under way, its number could be
      // another file's by then. The kernel ends a write to a terminal whose session is gone.
      writer.join();
      return "program ended with status " + status;
    }
  }

  private UnixPtyProcess launch() throws IOException {
    PtyProcess started =
        new PtyProcessBuilder(line.toArray(String[]::new))
            .setEnvironment(environment(System.getenv(), settings.environment()))
            .setDirectory(
                settings.folder().isEmpty() ? System.getProperty("user.home") : settings.folder())
            .setInitialColumns(size.columns())
            .setInitialRows(size.rows())
            // macOS drops what a program writes just before it ends, else; Linux does not.
            .setUnixOpenTtyToPreserveOutputAfterTermination(
                System.getProperty("os.name", "").startsWith("Mac"))
            .start();
    if (started instanceof UnixPtyProcess unix) {
      return unix;
    }
    started.destroyForcibly();
    throw new IOException("pseudo-terminals need Linux or macOS");
  }

  /** A clean environment: of the node's own only the listed names, so that no secret gets in. */
  static Map<String, String> environment(Map<String, String> own, List<String> names) {
    Map<String, String> environment = new HashMap<>();
    for (String variable : names) {
      String value = own.get(variable);
      if (value != null) {
        environment.put(variable, value);
      }
    }
    environment.putIfAbsent("HOME", System.getProperty("user.home"));
    environment.putIfAbsent("PATH", "/usr/local/bin:/usr/bin:/bin");
    environment.putIfAbsent("LANG", "C.UTF-8");
    environment.put("TERM", "xterm-256color");
    return environment;
  }

  private void copyOutput(InputStream in) throws InterruptedException {
    byte[] buffer = new byte[READ_BYTES];
    while (true) {
      int count = read(in, buffer);
      if (count < 0) {
        return;
      }
      boolean wasEmpty;
      synchronized (lock) {
        while (!discarding && output.size() >= settings.outputBufferBytes()) {
          lock.wait();
        }
        if (discarding) {
          continue;
        }
        wasEmpty = output.size() == 0;
        output.write(buffer, 0, count);
      }
      if (wasEmpty) {
        listener.outputWaits();
      }
    }
  }

  /** Linux answers EIO instead of an end when the last one has closed the terminal. */
  private static int read(InputStream in, byte[] buffer) {
    try {
      return in.read(buffer, 0, buffer.length);
    } catch (IOException e) {
      log.atDebug().setCause(e).log("a pseudo-terminal has no more output");
      return -1;
    }
  }

  private void obeyOrders(UnixPtyProcess started, OutputStream out) {
    try {
      while (true) {
        switch (orders.take()) {
          case Order.Write write -> writeOut(write, out);
          case Order.Resize ignored -> resizeNow(started);
          case Order.Leave ignoredToo -> {
            return;
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void writeOut(Order.Write write, OutputStream out) throws InterruptedException {
    byte[] bytes = write.bytes().unsafeArray();
    try {
      for (int at = 0; at < bytes.length; at += WRITE_BYTES) {
        if (!awaitRight()) {
          return;
        }
        byte[] part = Arrays.copyOfRange(bytes, at, Math.min(at + WRITE_BYTES, bytes.length));
        out.write(part, 0, part.length);
      }
    } catch (IOException e) {
      log.atDebug().setCause(e).log("a program's terminal takes no more input");
    }
    written.set(write.number());
    unwrittenBytes.addAndGet(-bytes.length);
  }

  /**
   * Waits while the node does not know whether it may act; where it may not, it ends, and the
   * program with it. False where the program is at its end, or is being ended.
   */
  private boolean awaitRight() throws InterruptedException {
    synchronized (lock) {
      while (!mayAct.getAsBoolean() && !exited && !discarding) {
        lock.wait(TargetContext.ASK_AGAIN.toMillis());
      }
      return !exited && !discarding;
    }
  }

  private void resizeNow(UnixPtyProcess started) {
    WindowSize newest = nextSize.getAndSet(null);
    if (newest == null) {
      return;
    }
    try {
      started.setWinSize(new WinSize(newest.columns(), newest.rows()));
    } catch (IllegalStateException e) {
      // The library wraps its own exception so.
      log.atDebug().setCause(e).log("a program that has ended was not resized");
    }
  }

  private void hangUp() {
    try {
      UnixPtyProcess running = awaitStart();
      if (running == null || !running.isAlive()) {
        return;
      }
      // Those that the program has put into groups of their own get no signal of its group; a
      // handle, unlike a bare id, never means a later process with the same number.
      List<ProcessHandle> family = family(running.pid());
      running.hangup();
      if (!running.waitFor(settings.killAfter().toMillis(), TimeUnit.MILLISECONDS)
          && running.isAlive()) {
        running.destroyForcibly();
      }
      family.forEach(ProcessHandle::destroyForcibly);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private @Nullable UnixPtyProcess awaitStart() throws InterruptedException {
    synchronized (lock) {
      discarding = true;
      lock.notifyAll();
      while (process == null && !over) {
        lock.wait();
      }
      return over ? null : process;
    }
  }

  private static List<ProcessHandle> family(long pid) {
    return ProcessHandle.of(pid)
        .map(handle -> Stream.concat(Stream.of(handle), handle.descendants()).toList())
        .orElse(List.of());
  }
}
