"""JSON-RPC 2.0 by lines with aiorpcX.

serve NAME PORT [NAME PORT ...]: servers that answer each method with their name and its arguments
call PORT METHOD[,METHOD ...] TEXT COUNT: prints one line a call: "= result" or "! code message"; every second call is sent with a notification
in front of it, and calls of one method are all sent before the first is answered
"""

import asyncio
import sys

from aiorpcx import Notification, RPCSession, connect_rs, handler_invocation, serve_rs
from aiorpcx.jsonrpc import RPCError


def session(name):
    class Server(RPCSession):
        async def handle_request(self, request):
            if isinstance(request, Notification):
                return None

            async def answer(text):
                if request.method == "notify":
                    await self.send_notification("told", ["method"])
                return f"{name}:{text}"

            return await handler_invocation(answer, request)()

    return Server


async def serve(pairs):
    servers = [await serve_rs(session(name), "127.0.0.1", int(port)) for name, port in pairs]
    print("ready", flush=True)
    await asyncio.gather(*[server.wait_closed() for server in servers])
    await asyncio.Event().wait()


class Client(RPCSession):
    told = 0

    async def handle_request(self, request):
        self.told += 1


async def one(client, method, text, number):
    if number % 2:
        await client.send_notification(method, ["nobody answers"])
    try:
        return f"= {await client.send_request(method, [f'{text}{number}'])}"
    except RPCError as error:
        return f"! {error.code} {error.message}"


async def call(port, methods, text, count):
    async with connect_rs("127.0.0.1", int(port), session_factory=Client) as client:
        for method in methods.split(","):
            calls = [one(client, method, text, number) for number in range(int(count))]
            for line in await asyncio.gather(*calls):
                print(line)
        print(f"told {client.told}")


if sys.argv[1] == "serve":
    asyncio.run(serve(list(zip(sys.argv[2::2], sys.argv[3::2]))))
else:
    asyncio.run(call(*sys.argv[2:6]))
