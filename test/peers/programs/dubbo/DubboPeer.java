import java.util.HashMap;
import java.util.Map;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.rpc.RpcContext;
import org.apache.dubbo.rpc.model.ApplicationModel;
import org.apache.dubbo.rpc.model.FrameworkModel;

/**
 * Servers and clients of Apache Dubbo with its own protocol and no registry.
 *
 * serve NAME PORT [NAME PORT ...]; call PORT METHOD[,METHOD ...] TEXT[,TEXT ...] COUNT
 * prints one line a call: "= text" or "! error"
 */
public class DubboPeer {
  public interface Echo {
    String toA(String text);

    String toB(String text);

    String half(String text);

    String refused(String text);

    String slow(String text);

    String nobody(String text);

    /** What the server sees of the attachments. */
    String attachment(String key);
  }

  public static class EchoService implements Echo {
    private final String name;

    EchoService(String name) {
      this.name = name;
    }

    public String toA(String text) {
      return name + ":" + text;
    }

    public String toB(String text) {
      return name + ":" + text;
    }

    public String half(String text) {
      return name + ":" + text;
    }

    public String refused(String text) {
      return name + ":" + text;
    }

    public String slow(String text) {
      try {
        Thread.sleep(1000);
      } catch (InterruptedException ended) {
        Thread.currentThread().interrupt();
      }
      return name + ":" + text;
    }

    public String nobody(String text) {
      return name + ":" + text;
    }

    public String attachment(String key) {
      return String.valueOf(RpcContext.getServerAttachment().getAttachment(key));
    }
  }

  private static ApplicationModel application(String name) {
    ApplicationModel model = new FrameworkModel().newApplication();
    ApplicationConfig config = new ApplicationConfig(model, name);
    config.setQosEnable(false);
    // A second service of the framework, on a port of its own, is of no use here.
    config.setMetadataServicePort(-1);
    config.setRegisterMode("interface");
    model.getApplicationConfigManager().setApplication(config);
    return model;
  }

  private static void serve(String name, int port) {
    ApplicationModel model = application("server-" + name);
    ProtocolConfig protocol = new ProtocolConfig("dubbo", port);
    protocol.setHost("127.0.0.1");
    ServiceConfig<Echo> service = new ServiceConfig<>(model.newModule());
    service.setInterface(Echo.class);
    service.setRef(new EchoService(name));
    service.setProtocol(protocol);
    service.setRegistry(new RegistryConfig(RegistryConfig.NO_AVAILABLE));
    service.export();
  }

  private static void call(int port, String[] methods, String[] texts, int count) throws Exception {
    ApplicationModel model = application("client");
    ReferenceConfig<Echo> reference = new ReferenceConfig<>(model.newModule());
    reference.setInterface(Echo.class);
    // 127.0.0.1 as one number: the framework replaces every name of loopback it knows by an address of the network.
    reference.setUrl("dubbo://2130706433:" + port);
    reference.setTimeout(20000);
    reference.setRetries(0);
    reference.setCheck(false);
    Map<String, String> parameters = new HashMap<>();
    parameters.put("serialization", "hessian2");
    reference.setParameters(parameters);
    Echo echo = reference.get();
    for (String method : methods) for (String text : texts) {
      for (int n = 1; n <= count; n++) {
        RpcContext.getClientAttachment().setAttachment("shop.tag", "red").setAttachment("shop.old", "1");
        try {
          Object answer = Echo.class.getMethod(method, String.class).invoke(echo, count == 1 ? text : text + n);
          System.out.println("= " + answer);
        } catch (java.lang.reflect.InvocationTargetException error) {
          System.out.println("! " + String.valueOf(error.getCause().getMessage()).replace('\n', ' '));
        }
      }
    }
    System.exit(0);
  }

  public static void main(String[] arguments) throws Exception {
    System.setProperty("org.apache.dubbo.common.logger.level", "ERROR");
    if (arguments[0].equals("serve")) {
      for (int i = 1; i + 1 < arguments.length; i += 2) serve(arguments[i], Integer.parseInt(arguments[i + 1]));
      System.out.println("ready");
      Thread.currentThread().join();
    }
    call(Integer.parseInt(arguments[1]), arguments[2].split(","), arguments[3].split(","), Integer.parseInt(arguments[4]));
  }
}
