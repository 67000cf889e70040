import { boltPeer } from './bolt-peer.ts'
import { brpcPeer } from './brpc-peer.ts'
import { dubboPeer } from './dubbo-peer.ts'
import { fixPeer } from './fix-peer.ts'
import { jsonrpcPeer } from './jsonrpc-peer.ts'
import { memcachedPeer } from './memcached-peer.ts'
import { describePeers } from './mesh.ts'
import { mqttPeer } from './mqtt-peer.ts'
import { pomeloPeer } from './pomelo-peer.ts'
import { redisPeer } from './redis-peer.ts'
import { thriftPeer } from './thrift-peer.ts'
import { trpcPeer } from './trpc-peer.ts'

await describePeers([
  thriftPeer,
  boltPeer,
  redisPeer,
  mqttPeer,
  pomeloPeer,
  dubboPeer,
  trpcPeer,
  brpcPeer,
  memcachedPeer,
  fixPeer,
  jsonrpcPeer,
])
