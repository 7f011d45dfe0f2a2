package io.clawterm.cluster;

import akka.actor.Address;
import akka.actor.AddressFromURIString;
import akka.actor.typed.ActorSystem;
import akka.cluster.Member;
import akka.cluster.typed.Cluster;
import akka.cluster.typed.Join;
import akka.cluster.typed.JoinSeedNodes;
import akka.management.cluster.bootstrap.ClusterBootstrap;
import akka.management.javadsl.AkkaManagement;
import io.clawterm.storage.ClusterNode;
import io.clawterm.storage.ClusterNodes;
import io.clawterm.storage.FormationLock;
import io.clawterm.storage.NodeLease;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes a node a member. All nodes on one database are one cluster: a node joins those that hold
 * their lock with the database, and founds a new cluster only where there is none.
 */
public final class Formation {

  private static final Logger LOG = LoggerFactory.getLogger(Formation.class);

  /** How soon the list of nodes is read again while none of them answers. */
  private static final Duration AGAIN = Duration.ofSeconds(3);

  /** How long the database's server may take to see that a machine is gone. */
  private static final Duration SERVER_NOTICES = Duration.ofSeconds(10);

  /** So many others may fail before it is this node's turn. */
  private static final int TURNS = 3;

  private final ActorSystem<?> system;
  private final ClusterSettings settings;
  private final DataSource database;
  private final NodeLease lease;

  /**
   * @param lease this node's, described with its address
   */
  public Formation(
      ActorSystem<?> system, ClusterSettings settings, DataSource database, NodeLease lease) {
    this.system = system;
    this.settings = settings;
    this.database = database;
    this.lease = lease;
  }

  /**
   * Refuses a database on which another cluster lives.
   *
   * @throws FormationException where it does
   */
  public static void requireName(DataSource database, String name) {
    for (ClusterNode node : new ClusterNodes(database).writers()) {
      if (node.connected() && !node.cluster().equals(name)) {
        throw new FormationException(
            "the database belongs to the cluster \""
                + node.cluster()
                + "\" (node "
                + node.number()
                + (node.address().isEmpty() ? "" : " at " + node.address())
                + "), this node to \""
                + name
                + "\"; give one of them another database, or the same clawterm.cluster.name");
      }
    }
  }

  /**
   * Joins, and waits until this node is a member.
   *
   * @throws FormationException when it is none in time; the message says who did not answer
   */
  public void join() throws InterruptedException {
    var up = new CompletableFuture<Void>();
    akka.cluster.Cluster.get(system).registerOnMemberUp(() -> up.complete(null));
    switch (settings.formation()) {
      case DATABASE -> joinThroughDatabase(up);
      case KUBERNETES -> joinThroughKubernetes(up);
    }
  }

  /** Whoever has its turn keeps it until it is a member, for the next to find it. */
  private void joinThroughDatabase(CompletableFuture<Void> up) throws InterruptedException {
    try (FormationLock turn = turn()) {
      claimAddress();
      long deadline = deadline();
      List<Address> asked = List.of();
      while (!isUp(up, asked.isEmpty() ? Duration.ZERO : AGAIN)) {
        if (System.nanoTime() > deadline) {
          throw new FormationException(
              "no member of the cluster has answered in "
                  + settings.joinTimeout().toSeconds()
                  + " s; asked were "
                  + asked
                  + ". They hold the database of this node; is "
                  + settings.host()
                  + " reachable from them, and they from here? Certificates of one's own"
                  + " (clawterm.cluster.tls-cert) must be of one authority and share a name");
        }
        asked = ask();
      }
      turn.joined(lease.number());
    }
  }

  /** Contact points are found by asking for pods, and each is asked at its management port. */
  private void joinThroughKubernetes(CompletableFuture<Void> up) throws InterruptedException {
    claimAddress();
    var unused = AkkaManagement.get(system).start();
    ClusterBootstrap.get(system).start();
    if (!isUp(up, settings.joinTimeout())) {
      throw new FormationException(
          "this pod became no member in "
              + settings.joinTimeout().toSeconds()
              + " s: "
              + PodSearch.problem(system, settings));
    }
    joined();
  }

  /**
   * Registers a node that has become a member by itself: on a host application's actor system, or
   * through Kubernetes.
   *
   * @throws FormationException where another cluster lives on the database
   */
  public void joined() throws InterruptedException {
    try (FormationLock turn = turn()) {
      requireOneCluster();
      turn.joined(lease.number());
    }
  }

  private FormationLock turn() {
    return FormationLock.await(database, settings.joinTimeout().multipliedBy(TURNS));
  }

  private long deadline() {
    return System.nanoTime() + settings.joinTimeout().toNanos();
  }

  private static boolean isUp(CompletableFuture<Void> up, Duration wait)
      throws InterruptedException {
    try {
      up.get(wait.toMillis(), TimeUnit.MILLISECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      throw new FormationException("this node became no member", e);
    }
  }

  /**
   * An earlier life at this node's address is over, as only one can listen there. Where its process
   * lives nevertheless, it is on another machine, and would be taken for this one.
   */
  private void claimAddress() throws InterruptedException {
    String mine = NodeFence.text(self());
    long deadline = System.nanoTime() + SERVER_NOTICES.toNanos();
    for (ClusterNode other : others()) {
      while (other.address().equals(mine) && !fence(other)) {
        if (System.nanoTime() > deadline) {
          throw new FormationException(
              "node "
                  + other.number()
                  + " of the cluster says that it is at "
                  + mine
                  + ", the address of this node; give each machine its own with --cluster-host");
        }
        Thread.sleep(AGAIN.toMillis() / 10);
      }
    }
  }

  private List<Address> ask() throws InterruptedException {
    Cluster cluster = Cluster.get(system);
    List<Address> members =
        others().stream()
            .filter(node -> node.connected() && node.joined())
            .map(node -> address(node.address()))
            .toList();
    if (members.isEmpty()) {
      if (!settings.join().isEmpty()) {
        LOG.atInfo().log("the database knows no node that is alive, so there is none to join");
      }
      if (isNobodyElse()) {
        LOG.atInfo().log("a new cluster begins");
        cluster.manager().tell(Join.create(self()));
      }
      return List.of(self());
    }
    // Its own address among them would let it found a cluster.
    List<Address> named =
        settings.join().stream().map(this::address).filter(at -> !at.equals(self())).toList();
    List<Address> seeds = named.isEmpty() ? members : named;
    cluster.manager().tell(new JoinSeedNodes(seeds));
    return seeds;
  }

  /**
   * Whether no other life may write, those excepted that wait for their turn. After a restart of
   * the database nobody has a lock for a moment: who listens gets some time to take it again.
   */
  private boolean isNobodyElse() throws InterruptedException {
    boolean patient = true;
    for (ClusterNode other : others()) {
      if (patient && other.joined() && !other.connected() && Ports.listens(other.address())) {
        Thread.sleep(AGAIN.toMillis());
        patient = false;
      }
    }
    boolean nobody = true;
    for (ClusterNode other : others()) {
      nobody &= other.connected() ? !other.joined() : fence(other);
    }
    return nobody;
  }

  private boolean fence(ClusterNode other) {
    return new ClusterNodes(database).fenceIfGone(other.number(), lease.number());
  }

  /**
   * Pods may have founded a cluster of their own beside one that they did not find. Who has been
   * without its lock in that one all the while is fenced, or it would go on beside this one when it
   * wakes up; a moment without it, as after a restart of the database, means nothing.
   */
  private void requireOneCluster() throws InterruptedException {
    long deadline = deadline();
    Map<Integer, Long> locklessSince = new HashMap<>();
    while (true) {
      List<ClusterNode> left = new ArrayList<>();
      for (ClusterNode stranger : others()) {
        if (stranger.joined()
            && !isMember(stranger)
            && !(isGone(stranger, locklessSince) && fence(stranger))) {
          left.add(stranger);
        }
      }
      if (left.isEmpty()) {
        return;
      }
      if (System.nanoTime() > deadline) {
        throw new FormationException(
            "node "
                + left.getFirst().number()
                + " at "
                + left.getFirst().address()
                + " is of another cluster on the same database: nodes on one database are one");
      }
      Thread.sleep(AGAIN.toMillis() / 10);
    }
  }

  private static boolean isGone(ClusterNode node, Map<Integer, Long> locklessSince) {
    if (node.connected()) {
      locklessSince.remove(node.number());
      return false;
    }
    long since = locklessSince.computeIfAbsent(node.number(), number -> System.nanoTime());
    return !Ports.listens(node.address())
        || System.nanoTime() - since > CrashWatch.ABSENCE.toNanos();
  }

  private boolean isMember(ClusterNode node) {
    for (Member member : Cluster.get(system).state().getMembers()) {
      if (NodeFence.isAt(node, member.uniqueAddress())) {
        return true;
      }
    }
    return false;
  }

  private List<ClusterNode> others() {
    return new ClusterNodes(database)
        .writers().stream().filter(node -> node.number() != lease.number()).toList();
  }

  private Address self() {
    return Cluster.get(system).selfMember().address();
  }

  private Address address(String hostAndPort) {
    return AddressFromURIString.parse(
        self().protocol() + "://" + system.name() + "@" + hostAndPort);
  }
}
