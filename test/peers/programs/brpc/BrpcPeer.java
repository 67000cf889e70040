import com.baidu.bjf.remoting.protobuf.FieldType;
import com.baidu.bjf.remoting.protobuf.annotation.Protobuf;
import com.baidu.bjf.remoting.protobuf.annotation.ProtobufClass;
import com.baidu.brpc.client.BrpcProxy;
import com.baidu.brpc.client.RpcClient;
import com.baidu.brpc.client.RpcClientOptions;
import com.baidu.brpc.protocol.BrpcMeta;
import com.baidu.brpc.protocol.Options;
import com.baidu.brpc.server.RpcServer;
import com.baidu.brpc.server.RpcServerOptions;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Servers and clients of brpc-java with the protocol baidu_std and no registry.
 *
 * serve NAME PORT [NAME PORT ...]; call PORT METHOD[,METHOD ...] TEXT COUNT; crowd PORT METHOD THREADS COUNT
 * prints one line a call: "= text" or "! message"
 */
public class BrpcPeer {
  @ProtobufClass
  public static class Text {
    @Protobuf(fieldType = FieldType.STRING, order = 1, required = true)
    public String text = "";

    public static Text of(String text) {
      Text made = new Text();
      made.text = text;
      return made;
    }
  }

  public interface Echo {
    @BrpcMeta(serviceName = "shop.Echo", methodName = "toA")
    Text toA(Text text);

    @BrpcMeta(serviceName = "shop.Echo", methodName = "toB")
    Text toB(Text text);

    @BrpcMeta(serviceName = "shop.Echo", methodName = "half")
    Text half(Text text);

    @BrpcMeta(serviceName = "shop.Echo", methodName = "refused")
    Text refused(Text text);

    @BrpcMeta(serviceName = "shop.Echo", methodName = "slow")
    Text slow(Text text);

    @BrpcMeta(serviceName = "shop.Echo", methodName = "nobody")
    Text nobody(Text text);
  }

  public static class EchoService implements Echo {
    private final String name;

    EchoService(String name) {
      this.name = name;
    }

    public Text toA(Text text) {
      return Text.of(name + ":" + text.text);
    }

    public Text toB(Text text) {
      return toA(text);
    }

    public Text half(Text text) {
      return toA(text);
    }

    public Text refused(Text text) {
      return toA(text);
    }

    public Text slow(Text text) {
      try {
        Thread.sleep(1000);
      } catch (InterruptedException ended) {
        Thread.currentThread().interrupt();
      }
      return toA(text);
    }

    public Text nobody(Text text) {
      return toA(text);
    }
  }

  private static void serve(String name, int port) {
    RpcServerOptions options = new RpcServerOptions();
    options.setProtocolType(Options.ProtocolType.PROTOCOL_BAIDU_STD_VALUE);
    options.setIoThreadNum(1);
    options.setWorkThreadNum(4);
    RpcServer server = new RpcServer("127.0.0.1", port, options);
    server.registerService(new EchoService(name));
    server.start();
  }

  private static RpcClient client(int port) {
    RpcClientOptions options = new RpcClientOptions();
    options.setProtocolType(Options.ProtocolType.PROTOCOL_BAIDU_STD_VALUE);
    options.setConnectTimeoutMillis(20000);
    options.setReadTimeoutMillis(20000);
    options.setWriteTimeoutMillis(20000);
    options.setMaxTryTimes(1);
    return new RpcClient("list://127.0.0.1:" + port, options);
  }

  private static String call(Echo echo, String method, String text) throws Exception {
    try {
      return "= " + ((Text) Echo.class.getMethod(method, Text.class).invoke(echo, Text.of(text))).text;
    } catch (java.lang.reflect.InvocationTargetException error) {
      return "! " + String.valueOf(error.getCause().getMessage()).replace('\n', ' ');
    }
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("serve")) {
      for (int i = 1; i + 1 < arguments.length; i += 2) serve(arguments[i], Integer.parseInt(arguments[i + 1]));
      System.out.println("ready");
      Thread.currentThread().join();
    }
    Echo echo = BrpcProxy.getProxy(client(Integer.parseInt(arguments[1])), Echo.class);
    int count = Integer.parseInt(arguments[4]);
    if (arguments[0].equals("call")) {
      for (String method : arguments[2].split(","))
        for (int n = 1; n <= count; n++) System.out.println(call(echo, method, count == 1 ? arguments[3] : arguments[3] + n));
    } else {
      int threads = Integer.parseInt(arguments[3]);
      ExecutorService pool = Executors.newFixedThreadPool(threads);
      CountDownLatch left = new CountDownLatch(count);
      for (int n = 0; n < count; n++) {
        String text = "" + n;
        pool.submit(() -> {
          String answer;
          try {
            answer = call(echo, arguments[2], text);
          } catch (Exception error) {
            answer = "! " + error;
          }
          synchronized (System.out) {
            System.out.println(answer.replace("=", text + " ="));
          }
          left.countDown();
        });
      }
      left.await();
    }
    System.exit(0);
  }
}
