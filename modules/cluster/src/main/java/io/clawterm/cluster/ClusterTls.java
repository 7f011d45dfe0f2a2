package io.clawterm.cluster;

import akka.remote.artery.tcp.SSLEngineProvider;
import io.clawterm.config.TlsIdentity;
import io.clawterm.storage.ClusterSecrets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;

/**
 * Mutual TLS 1.3 between nodes, also on loopback: whoever could connect without it could speak in
 * the name of any device.
 *
 * <p>Unless the operator gives certificates, all nodes show the same self-signed one, which they
 * share through the database, and trust no other. So exactly those who hold the database's
 * credentials are members. It is read at the first connection: a node by itself never needs it.
 *
 * <p>An operator's authority vouches for others as well. So a node's certificate has to have a name
 * in common with that of whoever looks at it: all nodes of a cluster are given one name.
 */
public final class ClusterTls implements SSLEngineProvider {

  private static final Logger LOG = LoggerFactory.getLogger(ClusterTls.class);

  private static final String SECRET = "cluster-tls";

  /** Whoever is refused comes again each second, and anybody may come. */
  private static final Duration TELL_EVERY = Duration.ofSeconds(30);

  private final ClusterSettings settings;
  private final DataSource database;
  private final AtomicLong toldNanos = new AtomicLong(System.nanoTime() - TELL_EVERY.toNanos());
  private @Nullable SSLContext context;

  public ClusterTls(ClusterSettings settings, DataSource database) {
    this.settings = settings;
    this.database = database;
  }

  @Override
  public SSLEngine createServerSSLEngine(String hostname, int port) {
    SSLEngine engine = engine(hostname, port);
    engine.setUseClientMode(false);
    engine.setNeedClientAuth(true);
    return engine;
  }

  @Override
  public SSLEngine createClientSSLEngine(String hostname, int port) {
    SSLEngine engine = engine(hostname, port);
    engine.setUseClientMode(true);
    return engine;
  }

  @Override
  public Option<Throwable> verifyClientSession(String hostname, SSLSession session) {
    return verify(session);
  }

  @Override
  public Option<Throwable> verifyServerSession(String hostname, SSLSession session) {
    return verify(session);
  }

  private Option<Throwable> verify(SSLSession session) {
    try {
      X509Certificate peer = (X509Certificate) session.getPeerCertificates()[0];
      Set<Object> theirs = names(peer);
      theirs.retainAll(names((X509Certificate) session.getLocalCertificates()[0]));
      if (!theirs.isEmpty()) {
        return Option.empty();
      }
      var stranger =
          new CertificateException("the certificate has no name in common with this node's");
      refused(peer, stranger);
      return Option.apply(stranger);
    } catch (SSLPeerUnverifiedException | CertificateException e) {
      return Option.apply(e);
    }
  }

  private void refused(X509Certificate peer, CertificateException why) {
    long told = toldNanos.get();
    long now = System.nanoTime();
    if (now - told < TELL_EVERY.toNanos() || !toldNanos.compareAndSet(told, now)) {
      return;
    }
    LOG.atWarn()
        .addKeyValue("subject", peer.getSubjectX500Principal().getName())
        .addKeyValue("issuer", peer.getIssuerX500Principal().getName())
        .addKeyValue("failure", why.getMessage())
        .log(
            "a node is refused: its certificate is not one of this cluster. Certificates of one's"
                + " own must come from an authority in clawterm.cluster.tls-authorities, and share"
                + " a name; without, all nodes use the one in their database");
  }

  /** The subject, unless it is empty, and the alternative names. */
  private static Set<Object> names(X509Certificate certificate) throws CertificateException {
    Set<Object> names = new HashSet<>();
    if (!certificate.getSubjectX500Principal().getName().isEmpty()) {
      names.add(certificate.getSubjectX500Principal());
    }
    if (certificate.getSubjectAlternativeNames() != null) {
      names.addAll(certificate.getSubjectAlternativeNames());
    }
    return names;
  }

  private SSLEngine engine(String hostname, int port) {
    SSLEngine engine = context().createSSLEngine(hostname, port);
    SSLParameters parameters = engine.getSSLParameters();
    parameters.setProtocols(new String[] {"TLSv1.3"});
    engine.setSSLParameters(parameters);
    return engine;
  }

  private synchronized SSLContext context() {
    SSLContext made = context;
    if (made == null) {
      try {
        made = make();
      } catch (IOException | GeneralSecurityException e) {
        throw new IllegalStateException("no TLS between nodes: " + e.getMessage(), e);
      }
      context = made;
    }
    return made;
  }

  private SSLContext make() throws IOException, GeneralSecurityException {
    SSLContext made = SSLContext.getInstance("TLSv1.3");
    if (settings.tlsCertificate().isPresent()) {
      TlsIdentity own =
          TlsIdentity.load(settings.tlsCertificate().get(), settings.tlsKey().orElseThrow());
      made.init(
          own.keyManagers(),
          trusting(TlsIdentity.certificates(settings.tlsAuthorities().orElseThrow())),
          new SecureRandom());
      return made;
    }
    byte[] pem = ClusterSecrets.getOrCreate(database, SECRET, ClusterTls::newIdentity);
    TlsIdentity shared =
        TlsIdentity.parse(
            new String(pem, StandardCharsets.US_ASCII),
            "the secret " + SECRET + " of the database");
    made.init(shared.keyManagers(), trusting(List.of(shared.certificate())), new SecureRandom());
    return made;
  }

  private TrustManager[] trusting(List<X509Certificate> authorities)
      throws GeneralSecurityException, IOException {
    TrustManager[] managers = TlsIdentity.trusting(authorities);
    for (int i = 0; i < managers.length; i++) {
      if (managers[i] instanceof X509ExtendedTrustManager trust) {
        managers[i] = new ToldTrust(trust, this::refused);
      }
    }
    return managers;
  }

  private static byte[] newIdentity() {
    try {
      TlsIdentity made = TlsIdentity.selfSigned("dns:clawterm");
      return (made.keyPem() + made.certificatePem()).getBytes(StandardCharsets.US_ASCII);
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalStateException("no certificate could be made: " + e.getMessage(), e);
    }
  }
}
