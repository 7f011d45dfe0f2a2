package io.clawterm.edge;

import akka.actor.typed.Behavior;
import io.clawterm.api.Principal;
import io.clawterm.session.Target;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetContext;
import io.clawterm.session.Targets;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.function.Supplier;

/** A pod behind a session: {@code pod:NAME}; {@link PodLife} is one life of it. */
public final class PodTarget implements Target {

  private static final String PREFIX = "pod:";

  private final String name;
  private final Factory pods;

  private PodTarget(String name, Factory pods) {
    this.name = name;
    this.pods = pods;
  }

  /**
   * Finds pods by their names. A pod that isn't there is found as well: sessions outlive their
   * pods, and wait for them.
   */
  public static final class Factory implements Targets {

    final Supplier<PodSettings> settings;
    final Pods all;
    final SealedText seal;
    final Counter connections;
    final Counter losses;
    final Counter violations;

    /** Finds these pods, by settings that stay as they are. */
    public Factory(PodSettings settings, Pods all, byte[] secret, MeterRegistry meters) {
      this(() -> settings, all, secret, meters);
    }

    /**
     * Finds these pods.
     *
     * @param settings those in force; each life of a target keeps those that it began with
     * @param secret the same on all nodes, 32 bytes or more; what opens the pods' sessions is
     *     stored encrypted with it
     */
    public Factory(Supplier<PodSettings> settings, Pods all, byte[] secret, MeterRegistry meters) {
      this.settings = settings;
      this.all = all;
      this.seal = new SealedText(secret);
      this.connections = meters.counter("clawterm.edge.pod.connections");
      this.losses = meters.counter("clawterm.edge.pod.losses");
      this.violations = meters.counter("clawterm.edge.pod.violations");
    }

    @Override
    public Found find(Principal owner, String name) {
      String pod = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : "";
      if (!PodRegistry.NAME.matcher(pod).matches()) {
        return new Found.Missing(
            "a pod is named as pod:NAME, 1 to 64 letters, digits or . _ -; there are "
                + all.names());
      }
      return new Found.Available(new PodTarget(pod, this));
    }
  }

  @Override
  public InputStyle inputStyle() {
    return InputStyle.BYTES;
  }

  @Override
  public Behavior<TargetCommand> start(TargetContext life) {
    return PodLife.create(name, pods, life);
  }
}
