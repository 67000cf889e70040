import { describePeers } from './mesh.ts'
import { thriftPeer } from './thrift-peer.ts'

describePeers([thriftPeer])
