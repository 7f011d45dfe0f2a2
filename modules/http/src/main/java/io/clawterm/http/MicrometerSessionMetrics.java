package io.clawterm.http;

import io.clawterm.session.SessionMetrics;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** What sessions count, in a meter registry; no label, so the series stay as few as they are. */
public final class MicrometerSessionMetrics implements SessionMetrics {

  private final Timer commits;
  private final Counter entries;
  private final Counter duplicateInputs;
  private final Counter droppedInputs;
  private final Counter journalEntries;
  private final Counter targetRestarts;
  private final Counter unreadable;

  public MicrometerSessionMetrics(MeterRegistry registry) {
    commits =
        Timer.builder("clawterm.session.commit")
            .description("How long a commit takes until it is durable")
            .publishPercentileHistogram()
            .minimumExpectedValue(Duration.ofNanos(100_000))
            .maximumExpectedValue(Duration.ofSeconds(10))
            .register(registry);
    entries = counter(registry, "entries", "Entries made durable");
    duplicateInputs = counter(registry, "input.duplicates", "Inputs that came again");
    droppedInputs = counter(registry, "input.dropped", "Inputs for which there was no room");
    journalEntries = counter(registry, "journal.entries", "Missed entries read from the journal");
    targetRestarts = counter(registry, "target.restarts", "Targets started again after a failure");
    unreadable = counter(registry, "unreadable", "Failed tries to read a session's log");
  }

  private static Counter counter(MeterRegistry registry, String name, String description) {
    return Counter.builder("clawterm.session." + name).description(description).register(registry);
  }

  @Override
  public void committed(int count, long nanos) {
    commits.record(nanos, TimeUnit.NANOSECONDS);
    entries.increment(count);
  }

  @Override
  public void duplicateInput() {
    duplicateInputs.increment();
  }

  @Override
  public void inputDropped() {
    droppedInputs.increment();
  }

  @Override
  public void readFromJournal(int count) {
    journalEntries.increment(count);
  }

  @Override
  public void targetRestarted() {
    targetRestarts.increment();
  }

  @Override
  public void unreadable() {
    unreadable.increment();
  }
}
