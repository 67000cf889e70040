"""A server or a client of Apache Thrift's Python library.

thrift_peer.py serve NAME PORT        every protocol the header transport takes: framed binary, framed compact, THeader
thrift_peer.py call PROTOCOL PORT METHOD TEXT COUNT        prints one JSON line a call
"""

import json
import sys
import time

from thrift.protocol import TBinaryProtocol, TCompactProtocol, THeaderProtocol
from thrift.server import TServer
from thrift.Thrift import TApplicationException, TMessageType, TType
from thrift.transport import THeaderTransport, TSocket, TTransport


def read_text(protocol, field):
    """The string in the given field of a struct, None without."""
    text = None
    protocol.readStructBegin()
    while True:
        _, kind, number = protocol.readFieldBegin()
        if kind == TType.STOP:
            break
        if number == field and kind == TType.STRING:
            text = protocol.readString()
        else:
            protocol.skip(kind)
        protocol.readFieldEnd()
    protocol.readStructEnd()
    return text


def write_text(protocol, field, text):
    protocol.writeStructBegin("struct")
    protocol.writeFieldBegin("text", TType.STRING, field)
    protocol.writeString(text)
    protocol.writeFieldEnd()
    protocol.writeFieldStop()
    protocol.writeStructEnd()


class Echo:
    def __init__(self, name):
        self.name = name

    def process(self, given, taken):
        method, kind, sequence = given.readMessageBegin()
        text = read_text(given, 1)
        given.readMessageEnd()
        if method.endswith("slow"):
            time.sleep(1)
        if kind == TMessageType.ONEWAY:
            return
        taken.writeMessageBegin(method, TMessageType.REPLY, sequence)
        write_text(taken, 0, f"{self.name}:{text}")
        taken.writeMessageEnd()
        taken.trans.flush()


def serve(name, port):
    kinds = THeaderTransport.THeaderClientType
    factory = THeaderProtocol.THeaderProtocolFactory(
        allowed_client_types=(kinds.HEADERS, kinds.FRAMED_BINARY, kinds.FRAMED_COMPACT)
    )
    sockets = TSocket.TServerSocket("127.0.0.1", int(port))
    server = TServer.TThreadedServer(Echo(name), sockets, TTransport.TTransportFactoryBase(), factory, daemon=True)
    server.serve()


def call(kind, port, method, text, count):
    socket = TSocket.TSocket("127.0.0.1", int(port))
    socket.setTimeout(20_000)
    if kind == "header":
        protocol = THeaderProtocol.THeaderProtocol(socket, (THeaderTransport.THeaderClientType.HEADERS,))
        protocol.trans.set_header(b"tenant", b"north")
    elif kind == "header-compact":
        compact = THeaderTransport.THeaderSubprotocolID.COMPACT
        protocol = THeaderProtocol.THeaderProtocol(socket, (THeaderTransport.THeaderClientType.HEADERS,), compact)
    else:
        framed = TTransport.TFramedTransport(socket)
        made = {"binary": TBinaryProtocol.TBinaryProtocol, "compact": TCompactProtocol.TCompactProtocol}
        protocol = made[kind](framed)
    protocol.trans.open()
    for sequence in range(1, int(count) + 1):
        protocol.writeMessageBegin(method, TMessageType.CALL, sequence)
        write_text(protocol, 1, f"{text}{sequence}")
        protocol.writeMessageEnd()
        protocol.trans.flush()
        answered, kind_of_reply, same = protocol.readMessageBegin()
        assert (answered, same) == (method, sequence), (answered, same, method, sequence)
        if kind_of_reply == TMessageType.EXCEPTION:
            error = TApplicationException()
            error.read(protocol)
            print(json.dumps({"error": error.message, "code": error.type}), flush=True)
        else:
            print(json.dumps({"text": read_text(protocol, 0)}), flush=True)
        protocol.readMessageEnd()


if __name__ == "__main__":
    {"serve": serve, "call": call}[sys.argv[1]](*sys.argv[2:])
