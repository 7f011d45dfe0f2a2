package io.clawterm.load;

/**
 * A session of the fault suite and what is asked of it.
 *
 * @param key the session's key; inputs carry it, so they are unique over all sessions
 * @param inFlight the inputs of one device that may be unanswered
 * @param count how far the demo or the model counts; the same in each input of a session
 * @param rate for the demo: how many numbers a second
 */
record Scenario(Kind kind, String key, String target, int inFlight, int count, int rate) {

  /** What stands behind the session. */
  enum Kind {
    DEMO,
    MODEL,
    POD
  }

  static final String POD_NAME = "echo";

  static Scenario demo(int number, int count, int rate) {
    return new Scenario(Kind.DEMO, "demo" + number, "agent:demo", 2, count, rate);
  }

  /** The model at hand, which counts so far whatever it is asked. */
  static Scenario model(int number, int count) {
    return new Scenario(Kind.MODEL, "model" + number, "agent:main", 2, count, 0);
  }

  static Scenario pod(int number) {
    return new Scenario(Kind.POD, "pod" + number, "pod:" + POD_NAME, 20, 0, 0);
  }

  /** The nth input of a device, unlike any other. */
  String input(String device, int nth) {
    String unique = key + "/" + device + "/" + nth;
    return switch (kind) {
      case DEMO -> "count to " + count + " at " + rate + " per second [" + unique + "]";
      case MODEL, POD -> unique;
    };
  }
}
