package io.clawterm.node;

import akka.actor.Cancellable;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.DispatcherSelector;
import io.clawterm.storage.SharedSettings;
import io.clawterm.storage.StorageException;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Looks again and again whether the settings of the cluster have changed. */
final class SettingsWatch implements Runnable {

  private static final Logger LOG = LoggerFactory.getLogger(SettingsWatch.class);

  /** How soon a node follows; one query by a primary key each time. */
  private static final Duration INTERVAL = Duration.ofSeconds(1);

  private final SharedSettings settings;
  private boolean told;

  private SettingsWatch(SharedSettings settings) {
    this.settings = settings;
  }

  /** Begins; cancel it before the database goes. */
  static Cancellable start(ActorSystem<?> system, SharedSettings settings, MeterRegistry registry) {
    Gauge.builder("clawterm.settings.version", settings, each -> each.state().overlay().version())
        .description("The change of the cluster's settings up to which this node follows")
        .register(registry);
    Gauge.builder("clawterm.settings.refused", settings, each -> each.state().refused().size())
        .description("Settings of the cluster that this node does not follow")
        .register(registry);
    return system
        .scheduler()
        .scheduleWithFixedDelay(
            INTERVAL,
            INTERVAL,
            new SettingsWatch(settings),
            system.dispatchers().lookup(DispatcherSelector.blocking()));
  }

  @Override
  public void run() {
    try {
      settings.follow();
      told = false;
    } catch (StorageException e) {
      if (!told) {
        LOG.atWarn()
            .addKeyValue("failure", e.getMessage())
            .log("changed settings are not known: the database does not answer");
      }
      told = true;
    } catch (RuntimeException e) {
      // Whatever it was, the scheduler would never look again.
      LOG.atError().setCause(e).log("the settings of the cluster could not be taken over");
    }
  }
}
