package io.clawterm.session;

import io.clawterm.api.SessionId;
import java.time.Instant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How much of a session's log is kept: what is too large or too old goes, but not before all
 * attached devices have it, unless the log grows beyond its hard limit. The session calls it when
 * something has come or a device has gone, and after each snapshot.
 */
final class Retention {

  private static final Logger LOG = LoggerFactory.getLogger(Retention.class);

  private final SessionId id;
  private final SessionEnvironment environment;
  private final GroupCommit commits;
  private final AttachedDevices devices;

  Retention(
      SessionId id, SessionEnvironment environment, GroupCommit commits, AttachedDevices devices) {
    this.id = id;
    this.environment = environment;
    this.commits = commits;
    this.devices = devices;
  }

  /** Gives up the oldest entries where the log has grown above its limits. */
  void trim() {
    if (!(commits.state() instanceof SessionState.Open open)) {
      return;
    }
    long first =
        firstKept(
            environment.settings(),
            open.log(),
            environment.clock().instant(),
            devices.acknowledgedByAll());
    if (first > open.log().first()) {
      commits.decide(new SessionEvent.Trimmed(first));
      commits.then(() -> devices.skipTo(first));
    }
  }

  private static long firstKept(
      SessionSettings settings, LogExtent log, Instant now, long acknowledged) {
    Instant oldest = now.minus(settings.retainFor());
    long first = log.first();
    for (int i = 1; i < log.marks().size(); i++) {
      LogExtent.Mark mark = log.marks().get(i);
      long left = log.bytes() - mark.bytesBefore();
      boolean tooLarge = left >= settings.retainBytes();
      boolean tooOld = mark.at().isBefore(oldest);
      boolean free = mark.number() - 1 <= acknowledged || left >= settings.retainHardBytes();
      if ((tooLarge || tooOld) && free) {
        first = Math.max(first, mark.number());
      }
    }
    return first;
  }

  /**
   * Removes from the journal what is given up. Only what a snapshot stands for may go: recovery
   * starts from it.
   *
   * @param snapshot the number of the last commit that the newest snapshot stands for
   */
  void prune(SessionState durable, long snapshot) {
    if (!(durable instanceof SessionState.Open open) || open.log().first() == 1) {
      return;
    }
    long upTo = Math.min(snapshot, open.log().journalOf(open.log().first()) - 1);
    if (upTo > 0) {
      environment
          .pruner()
          .prune(SessionEntity.persistenceId(id).id(), upTo)
          .whenComplete((done, failure) -> {
            if (failure != null) {
              LOG.atWarn()
                  .addKeyValue("session", id)
                  .setCause(failure)
                  .log("the journal could not be pruned; the next snapshot tries again");
            }
          });
    }
  }
}
