package io.clawterm.load;

import io.clawterm.load.ClusterRig.Member;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;

/**
 * What goes wrong in the rig, under the numbers that the fault tests have. Each fault heals by
 * itself; whether all went on is the suite's to judge. A new one is a new constant.
 */
enum ClusterFault {
  KILL("R1", "kill -9 of a node", false) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      Member victim = blow.anyOne();
      victim.node().kill();
      blow.fell(victim);
      blow.hold(6, 12);
      blow.rig().start(victim);
    }
  },
  ROLLING_KILL("R5", "kill -9 of each node in turn", false) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      for (Member victim : blow.inAnyOrder()) {
        victim.node().kill();
        blow.fell(victim);
        blow.hold(1, 3);
        blow.rig().start(victim);
        blow.hold(2, 5);
      }
    }
  },
  STOP("R6", "a node stands still (SIGSTOP)", false) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      Member victim = blow.anyOne();
      victim.node().signal("STOP");
      blow.fell(victim);
      blow.hold(blow.isLong() ? 5 : 12, blow.isLong() ? 60 : 16);
      victim.node().signal("CONT");
    }
  },
  SPLIT("R7", "one node is cut off from the others", true) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      Member victim = blow.anyOne();
      for (Member other : blow.others(victim)) {
        blow.rig().cutBetween(victim, other);
      }
      blow.fell(victim);
      blow.hold(blow.isLong() ? 60 : 15, blow.isLong() ? 61 : 20);
      blow.rig().heal();
    }
  },
  ONE_WAY("R8", "a node is heard by another one no more, and hears it", true) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      Member victim = blow.anyOne();
      blow.rig().hosts().cut(victim.number(), blow.others(victim).getFirst().number());
      blow.fell(victim);
      blow.hold(15, blow.isLong() ? 60 : 20);
      blow.rig().heal();
    }
  },
  FLAP("R9", "a link between two nodes comes and goes every two seconds", true) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      Member one = blow.anyOne();
      Member other = blow.others(one).getFirst();
      blow.fell(one);
      for (int i = 0; i < (blow.isLong() ? 30 : 4); i++) {
        blow.rig().cutBetween(one, other);
        blow.hold(2, 2.01);
        blow.rig().heal();
        blow.hold(2, 2.01);
      }
    }
  },
  NO_DATABASE("R10", "a node reaches its peers but not the database", false) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      Member victim = blow.anyOne();
      victim.database().stall();
      blow.fell(victim);
      blow.hold(12, blow.isLong() ? 40 : 16);
      victim.database().flow();
    }
  },
  KILL_DATABASE("R11", "kill -9 of the database server", false) {
    @Override
    void strike(Blow blow) throws IOException {
      blow.rig().killPostgres();
    }
  },
  SLOW_DATABASE("R14", "each answer of the database takes 200 ms more, then none comes", false) {
    @Override
    void strike(Blow blow) {
      blow.rig().members().forEach(member -> member.database().slow(Duration.ofMillis(100)));
      blow.hold(5, 8);
      blow.rig().members().forEach(member -> member.database().stall());
      blow.hold(blow.isLong() ? 30 : 8, blow.isLong() ? 31 : 10);
      blow.rig().members().forEach(member -> member.database().flow());
    }
  },
  RESTART("R26", "a node is stopped in good order and started again", false) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      Member victim = blow.anyOne();
      blow.fell(victim);
      victim.node().stop(PATIENCE);
      blow.hold(2, 4);
      blow.turn();
      blow.rig().start(victim);
    }
  },
  SCALE("R27", "all nodes but one are stopped, and started again", false) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      List<Member> leaving = blow.others(blow.anyOne());
      for (Member member : leaving) {
        blow.fell(member);
        member.node().stop(PATIENCE);
      }
      blow.hold(1, 4);
      blow.turn();
      for (Member member : leaving) {
        blow.rig().start(member);
      }
    }
  };

  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private final String number;
  private final String title;
  private final boolean needsNetwork;

  ClusterFault(String number, String title, boolean needsNetwork) {
    this.number = number;
    this.title = title;
    this.needsNetwork = needsNetwork;
  }

  /** Does it, from its beginning to its end. */
  abstract void strike(Blow blow) throws IOException, InterruptedException;

  String number() {
    return number;
  }

  String title() {
    return title;
  }

  /** Whether it is there only where what lies between machines can be cut. */
  boolean needsNetwork() {
    return needsNetwork;
  }

  /** One time that a fault strikes: whom, and for how long, is drawn. */
  record Blow(
      ClusterRig rig, Random random, boolean isLong, List<Member> victims, List<Long> turns) {

    static Blow on(ClusterRig rig, Random random, boolean isLong) {
      return new Blow(rig, random, isLong, new ArrayList<>(), new ArrayList<>());
    }

    /** From here on it gets better: who is away later is so because somebody comes back. */
    void turn() {
      turns.add(System.nanoTime());
    }

    /** Notes that a node is hit. */
    void fell(Member member) {
      victims.add(member);
    }

    Member anyOne() {
      List<Member> running = rig.running();
      return running.get(random.nextInt(running.size()));
    }

    List<Member> others(Member member) {
      List<Member> others = inAnyOrder();
      others.remove(member);
      return others;
    }

    List<Member> inAnyOrder() {
      List<Member> all = new ArrayList<>(rig.running());
      Collections.shuffle(all, random);
      return all;
    }

    /** Lets the fault last, for a time between these. */
    void hold(double minSeconds, double maxSeconds) {
      LockSupport.parkNanos((long) (random.nextDouble(minSeconds, maxSeconds) * 1e9));
    }
  }
}
