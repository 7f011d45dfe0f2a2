package io.clawterm.http;

import akka.http.javadsl.server.Route;
import io.clawterm.session.SessionBundles;
import io.clawterm.session.Sessions;
import io.clawterm.storage.DiskState;
import io.clawterm.storage.LeaseState;
import io.clawterm.storage.SharedSettings;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.InstantSource;
import java.util.Optional;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import javax.sql.DataSource;

/**
 * What the HTTP server works with; the node puts it together.
 *
 * @param settings those of the cluster, and what of them holds on this node
 * @param database asked whether it answers
 * @param lease the node's right to write, as of now
 * @param disk whether the database has room, as of now
 * @param figures asks all nodes how they are
 * @param registry shown at {@code /metrics}; the server counts its own requests there
 * @param extra answers what this module has no route for, such as {@code /terminal}; it
 *     authenticates by itself, Host and Origin are checked before
 * @param tls absent: plain HTTP
 */
public record HttpParts(
    Sessions sessions,
    SessionSummaries summaries,
    SessionBundles bundles,
    SharedSettings settings,
    DataSource database,
    Authentication authentication,
    Readiness readiness,
    Supplier<LeaseState> lease,
    Supplier<DiskState> disk,
    ClusterFigures figures,
    PrometheusMeterRegistry registry,
    NodeDescription node,
    InstantSource clock,
    Optional<Route> extra,
    Optional<SSLContext> tls) {}
