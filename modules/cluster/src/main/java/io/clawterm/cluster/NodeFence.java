package io.clawterm.cluster;

import akka.actor.ActorSystem;
import akka.actor.Address;
import akka.actor.setup.Setup;
import akka.cluster.UniqueAddress;
import io.clawterm.storage.ClusterNode;
import io.clawterm.storage.ClusterNodes;
import io.clawterm.storage.NodeLease;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * How an actor system takes other nodes for dead: in the name of its own life it says in the
 * database who may write nothing any more.
 */
public final class NodeFence extends Setup {

  private final DataSource database;
  private final ClusterNodes nodes;
  private final AtomicLong fenced = new AtomicLong();
  private volatile @Nullable NodeLease self;

  /** A fence that can do nothing before it is told {@linkplain #actAs as whom}. */
  public NodeFence(DataSource database) {
    this.database = database;
    this.nodes = new ClusterNodes(database);
  }

  /** Acts in the name of this life. */
  public void actAs(NodeLease lease) {
    self = lease;
  }

  /**
   * The fence of an actor system.
   *
   * @throws IllegalStateException if it was made without one
   */
  public static NodeFence of(ActorSystem system) {
    return system
        .settings()
        .setup()
        .get(NodeFence.class)
        .orElseThrow(() ->
            new IllegalStateException(
                "the actor system "
                    + system.name()
                    + " cannot fence other nodes: make it with ClawTermActorSystem.setup(...)"));
  }

  DataSource database() {
    return database;
  }

  /** How often this node has taken another one for dead. */
  public long fenced() {
    return fenced.get();
  }

  /** Whether a node is to give its sessions and devices to others, as of half a second ago. */
  public boolean isDraining(UniqueAddress node) {
    NodeLease me = self;
    return me != null && me.draining().contains(text(node.address()) + " " + node.longUid());
  }

  List<ClusterNode> writers() {
    return nodes.writers();
  }

  /** Whether this node may write, so that it may also decide. */
  boolean mayDecide() {
    NodeLease me = self;
    return me != null && nodes.mayWrite(me.number());
  }

  /** Whether the database has just told this node that it may write itself. */
  boolean isConfirmed() {
    NodeLease me = self;
    return me != null && me.state().mayAct();
  }

  /** The number of this life; 0 before it has one. */
  int number() {
    NodeLease me = self;
    return me == null ? 0 : me.number();
  }

  /**
   * Fences the life of this address.
   *
   * @return false where this node is fenced itself and has nothing to say
   */
  boolean fence(UniqueAddress node) {
    return counted(nodes.fence(text(node.address()), node.longUid(), number()));
  }

  /** Fences a life whose process has lost its lock; false where it has not. */
  boolean fenceIfGone(ClusterNode node) {
    return counted(nodes.fenceIfGone(node.number(), number()));
  }

  private boolean counted(boolean done) {
    if (done) {
      fenced.incrementAndGet();
    }
    return done;
  }

  /** {@code host:port}, as a life describes itself. */
  public static String text(Address address) {
    return address.getHost().orElse("") + ":" + address.getPort().orElse(0);
  }

  static boolean isAt(ClusterNode node, UniqueAddress address) {
    return node.uid() == address.longUid() && node.address().equals(text(address.address()));
  }
}
