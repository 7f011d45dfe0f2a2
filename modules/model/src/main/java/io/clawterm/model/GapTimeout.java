package io.clawterm.model;

import akka.stream.Attributes;
import akka.stream.FlowShape;
import akka.stream.Inlet;
import akka.stream.Outlet;
import akka.stream.stage.AbstractInOutHandler;
import akka.stream.stage.GraphStage;
import akka.stream.stage.GraphStageLogic;
import akka.stream.stage.TimerGraphStageLogic;
import akka.util.ByteString;
import java.time.Duration;
import java.util.function.Supplier;

/**
 * Fails a stream that brings nothing for too long while more is wanted. A stage of its own, because
 * {@code idleTimeout} also counts the time that the receiver takes, and a session that waits for a
 * slow disk isn't a provider that is silent.
 */
final class GapTimeout extends GraphStage<FlowShape<ByteString, ByteString>> {

  private final Duration limit;
  private final Supplier<ModelException> failure;
  private final Inlet<ByteString> in = Inlet.create("GapTimeout.in");
  private final Outlet<ByteString> out = Outlet.create("GapTimeout.out");

  GapTimeout(Duration limit, Supplier<ModelException> failure) {
    this.limit = limit;
    this.failure = failure;
  }

  @Override
  public FlowShape<ByteString, ByteString> shape() {
    return FlowShape.of(in, out);
  }

  @Override
  public GraphStageLogic createLogic(Attributes attributes) {
    return new Logic();
  }

  private final class Logic extends TimerGraphStageLogic {

    private long wantedSince;

    Logic() {
      super(shape());
      setHandlers(
          in,
          out,
          new AbstractInOutHandler() {
            @Override
            public void onPull() {
              wantedSince = System.nanoTime();
              pull(in);
            }

            @Override
            public void onPush() {
              push(out, grab(in));
            }
          });
    }

    @Override
    public void preStart() {
      // One timer that looks regularly costs less than one for each element.
      Duration step = limit.dividedBy(8).plusMillis(1);
      scheduleWithFixedDelay("look", step, step);
    }

    @Override
    public void onTimer(Object key) {
      if (hasBeenPulled(in) && System.nanoTime() - wantedSince > limit.toNanos()) {
        failStage(failure.get());
      }
    }
  }
}
