package io.clawterm.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.clawterm.testkit.Fault.Direction;
import io.clawterm.testkit.ProxiedConnection.State;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class FaultProxyTest {

  private static final byte[] HELLO = "0123456789".getBytes(StandardCharsets.US_ASCII);

  private ServerSocket echo;
  private FaultProxy proxy;

  @BeforeEach
  void start() throws IOException {
    echo = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.startVirtualThread(this::echoAll);
    proxy = FaultProxy.to(echo.getLocalPort());
  }

  @AfterEach
  void stop() throws IOException {
    proxy.close();
    echo.close();
  }

  private void echoAll() {
    while (!echo.isClosed()) {
      try {
        Socket socket = echo.accept();
        Thread.startVirtualThread(() -> echo(socket));
      } catch (IOException e) {
        return;
      }
    }
  }

  private static void echo(Socket socket) {
    try (socket) {
      socket.getInputStream().transferTo(socket.getOutputStream());
    } catch (IOException e) {
      // The proxy cut it, which is what these tests are about.
    }
  }

  private Socket connect() throws IOException {
    return new Socket(InetAddress.getLoopbackAddress(), proxy.port());
  }

  private static byte[] exchange(Socket socket) throws IOException {
    socket.getOutputStream().write(HELLO);
    return socket.getInputStream().readNBytes(HELLO.length);
  }

  @Test
  void withoutFaultsEverythingPasses() throws IOException {
    try (Socket socket = connect()) {
      assertThat(exchange(socket)).isEqualTo(HELLO);
      socket.shutdownOutput();
      assertThat(socket.getInputStream().read()).isEqualTo(-1);
    }

    await()
        .untilAsserted(() ->
            assertThat(proxy.connections())
                .containsExactly(new ProxiedConnection(1, 10, 10, State.CLOSED)));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 5, 9, 10})
  void theClientGetsExactlyTheBytesBeforeTheCut(int bytes) throws IOException {
    proxy.next(new Fault.CutAfter(Direction.TO_CLIENT, bytes));

    try (Socket socket = connect()) {
      socket.getOutputStream().write(HELLO);

      assertThat(socket.getInputStream().readAllBytes()).hasSize(bytes);
    }
    assertThat(proxy.connections().getFirst().bytesToClient()).isEqualTo(bytes);
    assertThat(proxy.connections().getFirst().state()).isEqualTo(State.CUT);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 5, 9, 10})
  void theServerGetsExactlyTheBytesBeforeTheCut(int bytes) throws Exception {
    try (ServerSocket sink = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      proxy.retarget(sink.getLocalPort()).next(new Fault.CutAfter(Direction.TO_SERVER, bytes));

      try (Socket client = connect();
          Socket server = sink.accept()) {
        client.getOutputStream().write(HELLO);

        assertThat(server.getInputStream().readAllBytes()).hasSize(bytes);
      }
    }
  }

  @Test
  void aResetShowsAsAnError() throws IOException {
    proxy.next(new Fault.ResetAfter(Direction.TO_SERVER, 10));

    try (Socket socket = connect()) {
      socket.getOutputStream().write(HELLO);

      assertThatThrownBy(() -> socket.getInputStream().readAllBytes())
          .isInstanceOf(IOException.class)
          .hasMessageContaining("reset");
    }
    assertThat(proxy.connections().getFirst().state()).isEqualTo(State.RESET);
  }

  @Test
  void aSwallowedDirectionLooksAliveAndBringsNothing() throws IOException {
    proxy.next(new Fault.SwallowAfter(Direction.TO_CLIENT, 3));

    try (Socket socket = connect()) {
      socket.setSoTimeout(300);
      socket.getOutputStream().write(HELLO);

      assertThat(socket.getInputStream().readNBytes(3)).hasSize(3);
      assertThatThrownBy(() -> socket.getInputStream().read())
          .isInstanceOf(SocketTimeoutException.class);
      assertThat(proxy.connections().getFirst())
          .isEqualTo(new ProxiedConnection(1, 10, 3, State.OPEN));
    }
  }

  @Test
  void theEndOfTheServerIsSwallowedToo() throws Exception {
    try (ServerSocket sink = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      proxy.retarget(sink.getLocalPort()).next(new Fault.SwallowAfter(Direction.TO_CLIENT, 0));

      try (Socket client = connect()) {
        client.setSoTimeout(300);
        sink.accept().close();
        client.getOutputStream().write(HELLO);
        client.getOutputStream().write(HELLO);

        assertThatThrownBy(() -> client.getInputStream().read())
            .isInstanceOf(SocketTimeoutException.class);
      }
    }
  }

  @Test
  void aDelayHoldsBytesBack() throws IOException {
    proxy.next(new Fault.Delay(Direction.TO_CLIENT, Duration.ofMillis(200)));

    try (Socket socket = connect()) {
      long before = System.nanoTime();
      assertThat(exchange(socket)).isEqualTo(HELLO);

      assertThat(Duration.ofNanos(System.nanoTime() - before))
          .isGreaterThanOrEqualTo(Duration.ofMillis(200));
    }
  }

  @Test
  void aRateLimitSpreadsBytesOut() throws IOException {
    proxy.next(new Fault.RateLimit(Direction.TO_SERVER, 50));

    try (Socket socket = connect()) {
      long before = System.nanoTime();
      assertThat(exchange(socket)).isEqualTo(HELLO);

      // The pause comes after each byte, so that nine of the ten lie before the last one.
      assertThat(Duration.ofNanos(System.nanoTime() - before))
          .isGreaterThanOrEqualTo(Duration.ofMillis(180));
    }
  }

  @Test
  void faultsOfOneConnectionDoNotTouchTheNext() throws IOException {
    proxy.next(new Fault.CutAfter(Direction.TO_CLIENT, 0));

    try (Socket first = connect()) {
      assertThat(first.getInputStream().read()).isEqualTo(-1);
    }
    try (Socket second = connect()) {
      assertThat(exchange(second)).isEqualTo(HELLO);
    }
    assertThat(proxy.connections()).hasSize(2);
  }

  @Test
  void cutAllEndsWhatIsOpen() throws IOException {
    try (Socket socket = connect()) {
      assertThat(exchange(socket)).isEqualTo(HELLO);

      proxy.cutAll();

      assertThat(socket.getInputStream().read()).isEqualTo(-1);
    }
    assertThat(proxy.connections().getFirst().state()).isEqualTo(State.CUT);
  }

  @Test
  void aDeadTargetShowsAsUnreachable() throws IOException {
    echo.close();
    await().until(this::nobodyListens); // the thread in accept() must have let go of it as well

    try (Socket socket = connect()) {
      assertThatThrownBy(() -> socket.getInputStream().readAllBytes())
          .isInstanceOf(IOException.class);
    }
    assertThat(proxy.connections().getFirst().state()).isEqualTo(State.UNREACHABLE);
  }

  private boolean nobodyListens() throws IOException {
    try {
      new Socket(InetAddress.getLoopbackAddress(), echo.getLocalPort()).close();
      return false;
    } catch (ConnectException e) {
      return true;
    }
  }

  @Test
  void whatIsStalledArrivesOnceItFlowsAgain() throws IOException {
    try (Socket socket = connect()) {
      assertThat(exchange(socket)).isEqualTo(HELLO);
      proxy.stall();
      socket.setSoTimeout(300);
      assertThatThrownBy(() -> exchange(socket)).isInstanceOf(SocketTimeoutException.class);

      proxy.flow();

      socket.setSoTimeout(10_000);
      assertThat(socket.getInputStream().readNBytes(HELLO.length)).isEqualTo(HELLO);
    }
  }

  @Test
  void anOpenConnectionBecomesSlow() throws IOException {
    try (Socket socket = connect()) {
      assertThat(exchange(socket)).isEqualTo(HELLO);
      proxy.slow(Duration.ofMillis(100));
      long begin = System.nanoTime();

      assertThat(exchange(socket)).isEqualTo(HELLO);

      assertThat(Duration.ofNanos(System.nanoTime() - begin))
          .isGreaterThanOrEqualTo(Duration.ofMillis(200));
    }
  }
}
