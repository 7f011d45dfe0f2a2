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
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
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

  private static final String SECRET = "cluster-tls";

  private final ClusterSettings settings;
  private final DataSource database;
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

  private static Option<Throwable> verify(SSLSession session) {
    try {
      Set<Object> theirs = names((X509Certificate) session.getPeerCertificates()[0]);
      theirs.retainAll(names((X509Certificate) session.getLocalCertificates()[0]));
      return theirs.isEmpty()
          ? Option.apply(
              new CertificateException("the certificate has no name in common with this node's"))
          : Option.empty();
    } catch (SSLPeerUnverifiedException | CertificateException e) {
      return Option.apply(e);
    }
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
          TlsIdentity.trusting(TlsIdentity.certificates(settings.tlsAuthorities().orElseThrow())),
          new SecureRandom());
      return made;
    }
    byte[] pem = ClusterSecrets.getOrCreate(database, SECRET, ClusterTls::newIdentity);
    TlsIdentity shared =
        TlsIdentity.parse(
            new String(pem, StandardCharsets.US_ASCII),
            "the secret " + SECRET + " of the database");
    made.init(
        shared.keyManagers(),
        TlsIdentity.trusting(List.of(shared.certificate())),
        new SecureRandom());
    return made;
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
