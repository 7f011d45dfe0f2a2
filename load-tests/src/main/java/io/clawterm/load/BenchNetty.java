package io.clawterm.load;

import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameDecoder;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import java.io.IOException;
import java.net.InetSocketAddress;

/**
 * A process that echoes frames with Netty alone: the checksum of each is checked, and each is
 * encoded anew, with the codec that ClawTerm uses. What one read brings goes out in one write.
 */
final class BenchNetty {

  private BenchNetty() {}

  /** Prints its port; ends when its input ends. */
  public static void main(String[] args) throws IOException {
    var loops =
        new MultiThreadIoEventLoopGroup(
            Runtime.getRuntime().availableProcessors(), NioIoHandler.newFactory());
    Channel listener =
        new ServerBootstrap()
            .group(loops)
            .channel(NioServerSocketChannel.class)
            .option(ChannelOption.SO_BACKLOG, 1024)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childHandler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel channel) {
                    channel.pipeline().addLast(new Decoder(), new Echo());
                  }
                })
            .bind("127.0.0.1", 0)
            .syncUninterruptibly()
            .channel();
    BenchReport.line(Integer.toString(((InetSocketAddress) listener.localAddress()).getPort()));
    if (System.in.read() != -1) {
      throw new IOException("nothing is expected on standard input");
    }
    System.exit(0);
  }

  private static final class Decoder extends ChannelInboundHandlerAdapter {
    private final FrameDecoder decoder = new FrameDecoder(Frame.MAX_PAYLOAD);

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      ByteBuf chunk = (ByteBuf) message;
      byte[] bytes = new byte[chunk.readableBytes()];
      chunk.readBytes(bytes);
      chunk.release();
      decoder.feed(bytes, 0, bytes.length);
      for (Frame frame = decoder.next(); frame != null; frame = decoder.next()) {
        context.fireChannelRead(frame);
      }
    }
  }

  private static final class Echo extends ChannelInboundHandlerAdapter {
    private byte[] answers = new byte[4096];
    private int length;

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      Frame frame = (Frame) message;
      if (length + frame.length() > answers.length) {
        flush(context);
      }
      if (frame.length() > answers.length) {
        answers = new byte[frame.length()];
      }
      byte[] payload = frame.payload();
      length +=
          Frame.write(
              answers,
              length,
              frame.sessionId(),
              frame.seq(),
              frame.type(),
              frame.flags(),
              payload,
              0,
              payload.length);
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
      flush(context);
      context.flush();
    }

    private void flush(ChannelHandlerContext context) {
      if (length > 0) {
        var unused = context.write(context.alloc().ioBuffer(length).writeBytes(answers, 0, length));
        length = 0;
      }
    }
  }
}
