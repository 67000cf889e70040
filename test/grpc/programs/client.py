"""A proxyless gRPC client: python client.py TARGET COUNT [HEADER=VALUE ...] prints {"<server>": calls, ..., "errors": {...}} as one line."""

import collections
import json
import os
import sys

import grpc

target, count = sys.argv[1], int(sys.argv[2])
metadata = tuple(tuple(pair.split("=", 1)) for pair in sys.argv[3:])
served, errors = collections.Counter(), collections.Counter()
channel = (
    grpc.secure_channel(target, grpc.xds_channel_credentials())
    if os.environ.get("XDS_CREDENTIALS")
    else grpc.insecure_channel(target)
)
with channel:
    say = channel.unary_unary("/test.Echo/Say")
    for _ in range(count):
        try:
            served[say(b"", timeout=20, wait_for_ready=False, metadata=metadata).decode()] += 1
        except grpc.RpcError as error:
            errors[f"{error.code().name}: {error.details()}"] += 1
    if os.environ.get("STAY"):
        sys.stdin.read()
print(json.dumps({"served": served, "errors": errors}))
