package io.clawterm.load;

import java.util.List;

/** Addresses of loopback; what lies between them cannot be cut. */
record LoopbackHosts() implements Hosts {

  @Override
  public String rig() {
    return "127.0.0.1";
  }

  @Override
  public Seat seat(int machine) {
    return new Seat("127.0.1." + (machine + 1), List.of());
  }

  @Override
  public boolean canCut() {
    return false;
  }

  @Override
  public void cut(int from, int to) {
    throw new UnsupportedOperationException("loopback cannot be cut");
  }

  @Override
  public void heal() {
    // Nothing was cut.
  }

  @Override
  public void close() {
    // An address of loopback needs no end.
  }
}
