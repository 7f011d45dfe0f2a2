package io.clawterm.testkit;

import io.clawterm.testkit.History.Step;
import io.clawterm.testkit.History.View;
import java.util.ArrayList;
import java.util.List;

/** Writes down the history of one device. Safe for use by several threads. */
public final class HistoryRecorder {

  private final String session;
  private final String device;
  private final View view;
  private final List<Step> steps = new ArrayList<>();

  public HistoryRecorder(String session, String device, View view) {
    this.session = session;
    this.device = device;
    this.view = view;
  }

  /** Adds what has just happened. */
  public synchronized void add(Step step) {
    steps.add(step);
  }

  /** All that has happened until now. */
  public synchronized History history() {
    return new History(session, device, view, steps);
  }
}
