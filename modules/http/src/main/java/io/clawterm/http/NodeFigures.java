package io.clawterm.http;

import io.clawterm.session.RemoteMessage;
import java.time.Instant;

/**
 * How a node is, as it says itself. Counts grow from its start; whoever wants to know them per
 * second asks twice. Fields are only ever added: the asking node may be of another release.
 *
 * @param at by its own clock
 * @param devices connections that have shown who they are
 * @param inputs frames of input passed on to sessions
 * @param entries made durable
 * @param commitSeconds all commits together
 * @param commitSecondsMax the longest of the last minutes
 * @param shards of sessions that it holds; -1 where sharding did not answer in time
 * @param sessions that are in its memory; -1 as well
 * @param cpu its share of the machine's processors, 0 to 1; -1 unknown
 * @param leaseUnconfirmedMillis how long ago the database last said that it may write
 */
public record NodeFigures(
    int number,
    Instant at,
    Instant startedAt,
    String version,
    boolean draining,
    long connections,
    long devices,
    long inputs,
    long entries,
    long commits,
    double commitSeconds,
    double commitSecondsMax,
    int shards,
    int sessions,
    long heapUsedBytes,
    long heapMaxBytes,
    double cpu,
    boolean leaseHeld,
    long leaseUnconfirmedMillis,
    boolean leaseInDanger,
    long clockSkewMillis,
    boolean clockRight)
    implements RemoteMessage {}
