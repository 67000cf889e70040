import { errorText } from '../../errors/thrown.ts'
import { Client } from '../subscription/client.ts'
import type { DiscoveryRequest, Form } from '../subscription/request.ts'
import { WireError } from '../subscription/wire.ts'
import type { NodeInfo } from '../xds/resource.ts'
import { authorize } from './authorize.ts'
import { readNode, readNodeId } from './node.ts'
import { invalid, type Refusal } from './refusals.ts'
import type { StreamContext } from './stream-context.ts'
import { type Peer, STATUS } from './transport.ts'

/** Whom a stream serves: as it may call itself, and how far it is. */
export interface Member {
  readonly node: NodeInfo
  readonly client: Client
}

/**
 * The first request of a stream: who is it, may it, and to which class does it belong?
 * @throws WireError when its node is malformed
 */
export function join(request: DiscoveryRequest, form: Form, peer: Peer, context: StreamContext): Member | Refusal {
  const { mesh, classes, limits, frames, workingSets } = context
  const { node: bytes } = request
  if (!bytes) return invalid('node', 'the first request of a stream must carry the node')
  const claimed = inNode(() => readNode(bytes, form))
  if (claimed.id === '') return invalid('node', 'the node has no id: set node.id in the bootstrap')
  const decision = authorize(claimed, peer)
  if ('refused' in decision) {
    const status = { code: STATUS.permissionDenied, message: decision.refused }
    return { reason: 'identity', status, claimed: claimed.id, loud: true }
  }
  const { node } = decision
  const client = new Client(classes.of(mesh.view(node)), {
    id: `${node.id} ${node.userAgent}`,
    form,
    ackTimeoutMs: limits.ackTimeoutMs,
    paceMs: limits.paceMs,
    removalTimeoutMs: limits.removalTimeoutMs,
    settleMs: limits.settleMs,
    clustersAtOnce: limits.clustersAtOnce,
    frames,
    ...(workingSets && { workingSet: workingSets(node) }),
  })
  return { node, client }
}

/**
 * Only the first request needs a node; one that names another node later is another client, or a confused one.
 * @throws WireError when it is malformed
 */
export function otherNode(bytes: Buffer, node: NodeInfo): Refusal | undefined {
  const id = inNode(() => readNodeId(bytes))
  if (id === '' || id === node.id) return undefined
  return invalid('node', `the stream began as node ${node.id} and now says ${id}: open a stream per node`)
}

/** Says where the bytes were that could not be read. */
function inNode<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new WireError(`the node is malformed: ${errorText(error)}`)
  }
}
