"""A gRPC server whose listener comes over xDS: python server.py ADDRESS NAME; prints SERVING once it has asked for its listener."""

import sys
from concurrent import futures

import grpc

address, name = sys.argv[1], sys.argv[2].encode()


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        if details.method == "/test.Echo/Say":
            return grpc.unary_unary_rpc_method_handler(lambda request, context: name)
        return None


server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Echo()], xds=True)
if server.add_insecure_port(address) == 0:
    sys.exit(f"cannot listen on {address}")
server.start()
print("SERVING", flush=True)
server.wait_for_termination()
