import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import quickfix.Application;
import quickfix.DefaultMessageFactory;
import quickfix.Initiator;
import quickfix.MemoryStoreFactory;
import quickfix.Message;
import quickfix.ScreenLogFactory;
import quickfix.Session;
import quickfix.SessionFactory;
import quickfix.SessionID;
import quickfix.SessionSettings;
import quickfix.SocketAcceptor;
import quickfix.SocketInitiator;
import quickfix.field.ClOrdID;
import quickfix.field.MsgType;
import quickfix.field.OrdType;
import quickfix.field.Side;
import quickfix.field.Symbol;
import quickfix.field.Text;
import quickfix.field.TransactTime;
import quickfix.fix44.ExecutionReport;
import quickfix.fix44.NewOrderSingle;
import quickfix.mina.acceptor.DynamicAcceptorSessionProvider;

/**
 * Acceptors and initiators of QuickFIX/J with FIX 4.4.
 *
 * serve NAME PORT [NAME PORT ...]: acceptors for any session, that answer each order with an execution report that names them
 * call PORT TARGET[,TARGET ...] SESSIONS ORDERS HEARTBEATS: prints a line for each session: "TARGET = name:last order" when all its orders
 * are answered and so many heartbeats have come, or "TARGET ! no logon" when there was none
 */
public class FixPeer {
  /** What a session has seen. */
  static class Seen {
    final CountDownLatch logon = new CountDownLatch(1);
    final CountDownLatch reports;
    final CountDownLatch heartbeats;
    volatile String last = "";

    Seen(int orders, int beats) {
      reports = new CountDownLatch(orders);
      heartbeats = new CountDownLatch(beats);
    }
  }

  static class Quiet implements Application {
    public void onCreate(SessionID id) {}

    public void onLogon(SessionID id) {}

    public void onLogout(SessionID id) {}

    public void toAdmin(Message message, SessionID id) {}

    public void fromAdmin(Message message, SessionID id) {}

    public void toApp(Message message, SessionID id) {}

    public void fromApp(Message message, SessionID id) {}
  }

  static class Exchange extends Quiet {
    private final String name;

    Exchange(String name) {
      this.name = name;
    }

    @Override
    public void fromApp(Message order, SessionID id) {
      try {
        ExecutionReport report = new ExecutionReport();
        report.setString(37, "o");
        report.setString(17, "e");
        report.setChar(150, '0');
        report.setChar(39, '0');
        report.setChar(54, Side.BUY);
        report.setString(151, "0");
        report.setString(14, "0");
        report.setString(6, "0");
        report.setString(ClOrdID.FIELD, order.getString(ClOrdID.FIELD));
        report.setString(Text.FIELD, name);
        Session.sendToTarget(report, id);
      } catch (Exception error) {
        throw new IllegalStateException(error);
      }
    }
  }

  static class Trader extends Quiet {
    final Map<SessionID, Seen> sessions = new ConcurrentHashMap<>();

    @Override
    public void onLogon(SessionID id) {
      sessions.get(id).logon.countDown();
    }

    @Override
    public void fromAdmin(Message message, SessionID id) {
      try {
        if (message.getHeader().getString(MsgType.FIELD).equals(MsgType.HEARTBEAT)) sessions.get(id).heartbeats.countDown();
      } catch (Exception error) {
        throw new IllegalStateException(error);
      }
    }

    @Override
    public void fromApp(Message report, SessionID id) {
      try {
        Seen seen = sessions.get(id);
        seen.last = report.getString(Text.FIELD) + ":" + report.getString(ClOrdID.FIELD);
        seen.reports.countDown();
      } catch (Exception error) {
        throw new IllegalStateException(error);
      }
    }
  }

  static SessionSettings settings() {
    SessionSettings settings = new SessionSettings();
    settings.setString("BeginString", "FIX.4.4");
    settings.setString("StartTime", "00:00:00");
    settings.setString("EndTime", "00:00:00");
    settings.setString("UseDataDictionary", "N");
    settings.setString("ResetOnLogon", "Y");
    return settings;
  }

  static void serve(String[] args) throws Exception {
    for (int i = 1; i + 1 < args.length; i += 2) {
      int port = Integer.parseInt(args[i + 1]);
      SessionSettings settings = settings();
      SessionID any = new SessionID("FIX.4.4", "*", "*");
      settings.setString(any, "ConnectionType", "acceptor");
      settings.setString(any, "AcceptorTemplate", "Y");
      settings.setString("SocketAcceptAddress", "127.0.0.1");
      settings.setString("SocketAcceptPort", args[i + 1]);
      MemoryStoreFactory store = new MemoryStoreFactory();
      Exchange exchange = new Exchange(args[i]);
      ScreenLogFactory log = new ScreenLogFactory(false, false, false);
      SocketAcceptor acceptor = new SocketAcceptor(exchange, store, settings, log, new DefaultMessageFactory());
      acceptor.setSessionProvider(
          new InetSocketAddress("127.0.0.1", port),
          new DynamicAcceptorSessionProvider(settings, any, exchange, store, log, new DefaultMessageFactory()));
      acceptor.start();
    }
    System.out.println("ready");
    Thread.sleep(Long.MAX_VALUE);
  }

  static void call(int port, String[] targets, int count, int orders, int beats) throws Exception {
    Trader trader = new Trader();
    SessionSettings settings = settings();
    settings.setString(SessionFactory.SETTING_CONNECTION_TYPE, "initiator");
    settings.setString(Initiator.SETTING_SOCKET_CONNECT_HOST, "127.0.0.1");
    settings.setString(Initiator.SETTING_SOCKET_CONNECT_PORT, String.valueOf(port));
    settings.setString(Initiator.SETTING_RECONNECT_INTERVAL, "60");
    settings.setString(Session.SETTING_HEARTBTINT, beats > 0 ? "1" : "30");
    List<SessionID> ids = new ArrayList<>();
    for (String target : targets) {
      for (int i = 0; i < count; i++) {
        SessionID id = new SessionID("FIX.4.4", "FIRM" + i, target);
        settings.setString(id, "SenderCompID", "FIRM" + i);
        settings.setString(id, "TargetCompID", target);
        trader.sessions.put(id, new Seen(orders, beats));
        ids.add(id);
      }
    }
    SocketInitiator initiator =
        new SocketInitiator(
            trader,
            new MemoryStoreFactory(),
            settings,
            new ScreenLogFactory(false, false, false),
            new DefaultMessageFactory());
    initiator.start();
    for (SessionID id : ids) {
      Seen seen = trader.sessions.get(id);
      String line = "! no logon";
      if (seen.logon.await(60, TimeUnit.SECONDS)) {
        for (int i = 1; i <= orders; i++) {
          NewOrderSingle order =
              new NewOrderSingle(
                  new ClOrdID(String.valueOf(i)), new Side(Side.BUY), new TransactTime(), new OrdType(OrdType.MARKET));
          order.set(new Symbol("MESH"));
          // A text with what looks like the fields of a header.
          order.set(new Text("x".repeat(i % 300) + "56=OTHER 10=000"));
          Session.sendToTarget(order, id);
        }
        boolean all = seen.reports.await(60, TimeUnit.SECONDS) && seen.heartbeats.await(60, TimeUnit.SECONDS);
        line = all ? "= " + seen.last : "! " + seen.reports.getCount() + " orders without a report";
      }
      System.out.println(id.getTargetCompID() + " " + line);
    }
    initiator.stop(true);
    System.exit(0);
  }

  public static void main(String[] args) throws Exception {
    if (args[0].equals("serve")) serve(args);
    else
      call(
          Integer.parseInt(args[1]),
          args[2].split(","),
          Integer.parseInt(args[3]),
          Integer.parseInt(args[4]),
          Integer.parseInt(args[5]));
  }
}
