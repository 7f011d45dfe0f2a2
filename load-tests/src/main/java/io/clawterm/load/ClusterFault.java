package io.clawterm.load;

import io.clawterm.load.ClusterRig.Member;
import io.clawterm.testkit.Ending;
import io.clawterm.testkit.Script;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * What goes wrong in the rig, under the numbers that the fault tests have. Each fault heals by
 * itself; whether all went on is the suite's to judge. A new one is a new constant.
 */
enum ClusterFault {
  KILL("R1", "kill -9 of a node", Need.NOTHING) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      Member victim = blow.anyOne();
      victim.node().kill();
      blow.fell(victim);
      blow.hold(6, 12);
      blow.rig().start(victim);
    }
  },
  KILL_IN_STREAM("R2", "kill -9 of a node in the middle of a model's answer", Need.NOTHING) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      killInAnswer(blow);
    }
  },
  ROLLING_KILL("R5", "kill -9 of each node in turn", Need.NOTHING) {
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
  STOP("R6", "a node stands still for 5 s (SIGSTOP)", Need.NOTHING) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      stop(blow, 5);
    }
  },
  STOP_FOR_LONG("R6b", "a node stands still for 15 s (SIGSTOP)", Need.NOTHING) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      stop(blow, 15);
    }
  },
  STOP_FOR_A_MINUTE("R6c", "a node stands still for a minute (SIGSTOP)", Need.NOTHING) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      stop(blow, 60);
    }
  },
  SPLIT("R7", "one node is cut off from the others", Need.NETWORK) {
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
  ONE_WAY("R8", "a node is heard by another one no more, and hears it", Need.NETWORK) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      Member victim = blow.anyOne();
      blow.rig().hosts().cut(victim.number(), blow.others(victim).getFirst().number());
      blow.fell(victim);
      blow.hold(15, blow.isLong() ? 60 : 20);
      blow.rig().heal();
    }
  },
  FLAP("R9", "a link between two nodes comes and goes every two seconds", Need.NETWORK) {
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
  ALONE("R9b", "no node reaches another one or the database", Need.NETWORK) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      List<Member> all = blow.inAnyOrder();
      for (Member member : all) {
        for (Member other : blow.others(member)) {
          blow.rig().hosts().cut(member.number(), other.number());
        }
        member.database().lose();
        blow.fell(member);
      }
      blow.hold(blow.isLong() ? 60 : 20, blow.isLong() ? 61 : 25);
      blow.rig().heal();
      blow.turn();
      awaitAll(blow);
    }
  },
  KILL_ALL("R9c", "kill -9 of all nodes at once", Need.NOTHING) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      List<Member> all = blow.inAnyOrder();
      for (Member member : all) {
        member.node().kill();
        blow.fell(member);
      }
      blow.hold(1, 3);
      blow.turn();
      blow.rig().startAll();
      awaitAll(blow);
    }
  },
  NO_DATABASE("R10", "a node reaches its peers but not the database", Need.NOTHING) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      Member victim = blow.anyOne();
      victim.database().lose();
      blow.fell(victim);
      blow.hold(12, blow.isLong() ? 40 : 16);
      victim.database().flow();
    }
  },
  KILL_DATABASE("R11", "kill -9 of the database server, back after a while", Need.NOTHING) {
    @Override
    void strike(Blow blow) throws IOException {
      blow.rig().database().kill();
      blow.rig().closeDatabase();
      blow.hold(2, blow.isLong() ? 10 : 3);
      blow.rig().openDatabase();
    }
  },
  FAIL_OVER("R13", "the database dies, its synchronous replica takes over", Need.NOTHING) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      RigDatabase.Replica replica = blow.rig().database().replicate();
      blow.hold(3, 5);
      blow.rig().failOver(replica);
      if (blow.rig().database().formerAcknowledges()) {
        blow.finds("the server that was replaced acknowledges a commit when it is back");
      }
    }
  },
  SLOW_DATABASE(
      "R14", "each answer of the database takes 200 ms more, then none comes", Need.NOTHING) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      Member flooded = blow.anyOne();
      try (var flood = new Flood(blow.rig(), flooded)) {
        blow.rig().members().forEach(member -> member.database().slow(Duration.ofMillis(100)));
        blow.hold(5, 8);
        blow.rig().members().forEach(member -> member.database().stall());
        long before = flooded.node().liveBytes();
        flood.begin();
        blow.hold(blow.isLong() ? 30 : 8, blow.isLong() ? 31 : 10);
        long more = flooded.node().liveBytes() - before;
        if (more > MOST_OF_A_FLOOD) {
          blow.finds("a node that can store nothing holds %,d bytes more".formatted(more));
        }
        for (Member member : blow.rig().running()) {
          long alive = member.node().liveBytes();
          if (alive > NodeProcess.HEAP_BYTES * 8 / 10) {
            blow.finds("node %d has %,d bytes alive".formatted(member.number() + 1, alive));
          }
        }
      }
      blow.rig().members().forEach(member -> member.database().flow());
    }
  },
  FEW_CONNECTIONS("R15", "the database has hardly a connection left", Need.NOTHING) {
    @Override
    void strike(Blow blow) throws IOException {
      blow.rig().database().crowd();
      blow.hold(10, blow.isLong() ? 30 : 12);
      blow.rig().database().relieve();
    }
  },
  CLOCK("R19", "a node's clock is 1 % too fast, an hour ahead, then one behind", Need.CLOCK) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      Member victim = blow.anyOne();
      var clock = FalseClock.in(blow.rig().folder());
      blow.fell(victim);
      victim.node().stop(PATIENCE);
      blow.rig().start(victim, clock.launch());
      clock.hasten(1);
      blow.hold(blow.isLong() ? 30 : 4, blow.isLong() ? 31 : 5);
      clock.set(Duration.ofHours(1));
      blow.hold(8, 10);
      clock.set(Duration.ofHours(-1));
      blow.hold(8, 10);
      victim.node().kill();
      blow.hold(1, 2);
      blow.rig().start(victim);
    }
  },
  BAD_LINKS("R20", "devices: 300 ms late, give or take 100, and reset at random", Need.NOTHING) {
    @Override
    void strike(Blow blow) {
      List<Member> all = blow.inAnyOrder();
      for (Member member : all) {
        var random = new Random(blow.random().nextLong());
        member.door().slow(Duration.ofMillis(200), Duration.ofMillis(400), random);
      }
      for (int i = 0; i < (blow.isLong() ? 20 : 4); i++) {
        blow.hold(1, 2);
        all.get(i % all.size()).door().resetAll();
      }
      all.forEach(member -> member.door().flow());
    }
  },
  FAILING_MODEL("R24", "a model fails in each way; a node is killed meanwhile", Need.NOTHING) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      int times = blow.isLong() ? 4 : 1;
      List<Script> ways = new ArrayList<>();
      for (int i = 0; i < times; i++) {
        ways.addAll(PASSING_FAILURES);
        ways.add(FINAL_FAILURE);
      }
      // As often as its provider fails for good, and where it fails in passing too often for one.
      blow.allowGivenUp(times + (times * PASSING_FAILURES.size() + 1) / ATTEMPTS);
      Collections.shuffle(ways, blow.random());
      blow.rig().spoilAnswers(ways);
      killInAnswer(blow);
      if (!Swarm.becomes(() -> blow.rig().answersToSpoil() == 0, PATIENCE.multipliedBy(3))) {
        blow.finds("%d failures were not met".formatted(blow.rig().answersToSpoil()));
      }
    }
  },
  RESTART("R26", "a node is stopped in good order and started again", Need.NOTHING) {
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
  UPDATE("R26b", "each node in turn is the release before, then this one again", Need.RELEASE) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      for (Launch release : List.of(Launch.of(blow.rig().releaseBefore()), Launch.USUAL)) {
        for (Member member : blow.inAnyOrder()) {
          blow.fell(member);
          member.node().stop(PATIENCE);
          blow.rig().start(member, release);
          blow.hold(2, 4);
        }
      }
    }
  },
  SCALE("R27", "all nodes but one are stopped, and started again", Need.NOTHING) {
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
  },
  LITTLE_MEMORY("R28", "a node has 60 % of the memory that it takes", Need.MEMORY) {
    @Override
    void strike(Blow blow) throws IOException, InterruptedException {
      Member victim = blow.anyOne();
      long bytes = victim.node().residentBytes() * 6 / 10;
      blow.fell(victim);
      victim.node().stop(PATIENCE);
      try (ControlGroup group = ControlGroup.ofMemory(bytes)) {
        // As the launcher has it: half for the heap, and nobody goes on without memory.
        Launch launch = group.launch("-Xmx" + bytes / 2, "-XX:+ExitOnOutOfMemoryError");
        long end = System.nanoTime() + (long) (blow.seconds(20, blow.isLong() ? 60 : 25) * 1e9);
        victim.node().start(launch);
        while (System.nanoTime() < end) {
          LockSupport.parkNanos(100_000_000);
          if (!victim.node().isAlive()) { // the kernel's kill -9, and whoever starts it again
            blow.fell(victim);
            victim.node().start(launch);
          }
        }
        victim.node().kill();
      }
      blow.rig().start(victim);
    }
  };

  /** What a fault cannot be made without. */
  enum Need {
    NOTHING,
    /** That what lies between machines can be cut. */
    NETWORK,
    /** That a process can be given so much memory and no more. */
    MEMORY,
    /** libfaketime. */
    CLOCK,
    /** The distribution of the release before this one. */
    RELEASE
  }

  private static final Duration PATIENCE = Duration.ofMinutes(1);

  /** So long a cluster has to be whole; what nodes say of each other may be of before. */
  private static final Duration STAYS = Duration.ofSeconds(3);

  /** As often as an agent asks, with the settings as delivered. */
  private static final int ATTEMPTS = 5;

  /** What a provider does to one who asks it, and who asks again. */
  private static final List<Script> PASSING_FAILURES =
      List.of(
          Script.refuse(429, Map.of("retry-after", "1"), ""),
          Script.refuse(500),
          Script.refuse(529),
          ClusterRig.COUNTING.stallingAfter(20),
          ClusterRig.COUNTING.cutAfter(20),
          ClusterRig.COUNTING.endingWith(new Ending.EndAfter(20)),
          ClusterRig.COUNTING.endingWith(
              new Ending.ErrorAfter(20, "overloaded_error", "too many ask")));

  private static final Script FINAL_FAILURE = ClusterRig.COUNTING.invalidJsonAfter(20);

  /**
   * What a node may have alive of 32 MiB that it can't store: 1.25 MiB are in flight or wait with
   * the session, and from one time to the next it varies by ten.
   */
  private static final long MOST_OF_A_FLOOD = 16 << 20;

  private final String number;
  private final String title;
  private final Need need;

  ClusterFault(String number, String title, Need need) {
    this.number = number;
    this.title = title;
    this.need = need;
  }

  /** Kills a node that the model is answering, and starts it again. */
  private static void killInAnswer(Blow blow) throws IOException, InterruptedException {
    List<Member> all = blow.inAnyOrder();
    if (!Swarm.becomes(() -> all.stream().anyMatch(Member::isAnswered), PATIENCE)) {
      throw new IOException("no node asks the model");
    }
    Member victim = all.stream().filter(Member::isAnswered).findFirst().orElse(all.getFirst());
    victim.node().kill();
    blow.fell(victim);
    blow.hold(3, 8);
    blow.rig().start(victim);
  }

  /** Where all were away, they are one cluster again by themselves, and soon; and stay it. */
  private static void awaitAll(Blow blow) throws InterruptedException {
    var since = new AtomicLong(System.nanoTime());
    boolean back =
        Swarm.becomes(
            () -> {
              if (!blow.rig().isWhole()) {
                since.set(System.nanoTime());
              }
              return System.nanoTime() - since.get() > STAYS.toNanos();
            },
            PATIENCE);
    if (!back) {
      blow.finds("the nodes are no cluster again after %d s".formatted(PATIENCE.toSeconds()));
    }
  }

  private static void stop(Blow blow, int seconds) throws IOException, InterruptedException {
    Member victim = blow.anyOne();
    victim.node().signal("STOP");
    blow.fell(victim);
    blow.hold(seconds, seconds + 1);
    victim.node().signal("CONT");
  }

  /** Does it, from its beginning to its end. */
  abstract void strike(Blow blow) throws IOException, InterruptedException;

  String number() {
    return number;
  }

  String title() {
    return title;
  }

  /** Whether it ends nodes with kill -9. */
  boolean kills() {
    return switch (this) {
      case KILL, KILL_IN_STREAM, ROLLING_KILL, KILL_ALL, CLOCK, FAILING_MODEL, LITTLE_MEMORY ->
          true;
      case STOP,
          STOP_FOR_LONG,
          STOP_FOR_A_MINUTE,
          SPLIT,
          ONE_WAY,
          FLAP,
          ALONE,
          NO_DATABASE,
          KILL_DATABASE,
          FAIL_OVER,
          SLOW_DATABASE,
          FEW_CONNECTIONS,
          BAD_LINKS,
          RESTART,
          UPDATE,
          SCALE ->
          false;
    };
  }

  /** What must be there for it. */
  Need need() {
    return need;
  }

  /** One time that a fault strikes: whom, and for how long, is drawn. */
  record Blow(
      ClusterRig rig,
      Random random,
      boolean isLong,
      List<Member> victims,
      List<Long> turns,
      List<String> findings,
      AtomicInteger mayGiveUp) {

    static Blow on(ClusterRig rig, Random random, boolean isLong) {
      return new Blow(
          rig,
          random,
          isLong,
          new ArrayList<>(),
          new ArrayList<>(),
          new ArrayList<>(),
          new AtomicInteger());
    }

    /** So many runs may end early because of their provider. */
    void allowGivenUp(int runs) {
      mayGiveUp.set(runs);
    }

    /** Notes a broken promise that only the fault itself can see. */
    void finds(String finding) {
      findings.add(finding);
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

    /** Draws how long something takes. */
    double seconds(double min, double max) {
      return random.nextDouble(min, max);
    }

    /** Lets the fault last, for a time between these. */
    void hold(double minSeconds, double maxSeconds) {
      LockSupport.parkNanos((long) (seconds(minSeconds, maxSeconds) * 1e9));
    }
  }
}
