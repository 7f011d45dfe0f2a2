package io.clawterm.storage;

import java.time.Instant;

/**
 * A life of a node, as the database knows it.
 *
 * @param number grows with each life; the epoch under which it writes
 * @param address {@code host:port} for other nodes; empty while it starts
 * @param uid tells it from another actor system at that address, as Akka does
 * @param devicesAt {@code host:port} for devices; empty where none can reach it
 * @param joined whether it has become a member of the cluster, so that others can join it
 * @param connected whether its process holds its lock with the database: a crashed one does not
 * @param draining whether it is to give its sessions and devices to others
 * @param startedAt by the database's clock
 */
public record ClusterNode(
    int number,
    String cluster,
    String version,
    String address,
    long uid,
    String devicesAt,
    boolean joined,
    boolean connected,
    boolean draining,
    Instant startedAt) {}
