package io.clawterm.http;

import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * The sessions as lists show them. All calls block.
 *
 * <p>Each throws {@link SummariesUnavailableException} when the database does not answer.
 */
public interface SessionSummaries {

  /**
   * A principal's sessions, the newest first.
   *
   * @param state only those; empty: all
   * @param after where the page before ended; empty: the first page
   * @param limit how many at most, above 0
   */
  Page ofOwner(
      Principal owner, Optional<SessionSummary.State> state, Optional<Cursor> after, int limit);

  /** One session, if it is this principal's. */
  Optional<SessionSummary> find(Principal owner, SessionId id);

  /**
   * A principal's sessions with a run under way, those first whose run or device came last.
   *
   * @param limit how many at most, above 0
   */
  List<SessionSummary> running(Principal owner, int limit);

  /** How many sessions a principal has. */
  Counts countsOf(Principal owner);

  /** Open sessions with a run under way, in the order of their ids, those behind {@code after}. */
  List<SessionId> openRuns(Optional<SessionId> after, int limit);

  /**
   * Open sessions that nothing is known of for as long as they live without a device, in the order
   * of their ids, those behind {@code after}. Some may have a device: the session decides.
   */
  List<SessionId> dueToExpire(Instant now, Optional<SessionId> after, int limit);

  /**
   * A part of a list.
   *
   * @param next where the next page begins; empty on the last one
   */
  record Page(List<SessionSummary> sessions, Optional<Cursor> next) {
    public Page {
      sessions = List.copyOf(sessions);
    }
  }

  /** The last session of a page; what a list is ordered by never changes, so none is skipped. */
  record Cursor(Instant createdAt, SessionId id) {}

  /**
   * Numbers of sessions. Each open one is running, attached or suspended.
   *
   * @param running those of the open ones with a run under way
   * @param attached those of the others that have a device
   * @param suspended those that have none
   */
  record Counts(long open, long running, long ended, long attached, long suspended) {}
}
