package io.clawterm.load;

import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.load.ClusterRig.Member;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletionException;

/** A device that has far more to say than a node may take in, and holds it itself until then. */
final class Flood implements AutoCloseable {

  private static final byte[] PIECE =
      ("count to 1 at 100 per second " + "x".repeat(8 << 10) + "\n")
          .getBytes(StandardCharsets.US_ASCII);
  private static final int PIECES = 4_096;

  private final ClawTermClient client;
  private final ClientSession session;

  /** Attached, and silent until told. */
  Flood(ClusterRig rig, Member member) throws IOException {
    Way way = rig.way(member.number());
    this.client =
        ClawTermClient.builder()
            .address(way.addresses().getFirst())
            .trustFingerprint(way.fingerprint().orElseThrow())
            .credential(rig.credential())
            .device("flood")
            .unacknowledged(PIECES, 2L * PIECES * PIECE.length)
            .build();
    try {
      this.session =
          client.connect(ConnectOptions.target("agent:demo")).toCompletableFuture().join();
    } catch (CompletionException e) {
      client.close();
      throw new IOException("no session to flood", e);
    }
  }

  /** Has 32 MiB to say from now on. */
  void begin() {
    for (int i = 0; i < PIECES; i++) {
      var unused = session.send(PIECE);
    }
  }

  @Override
  public void close() {
    client.close();
  }
}
