import type { MessageListener } from '../../../proto/gen/meshgate/v1/message_listener_pb.ts'
import type { MessageRouteTable } from '../../../proto/gen/meshgate/v1/message_route_pb.ts'
import type { Protocol } from '../../../proto/gen/meshgate/v1/protocol_pb.ts'
import type { Origin } from '../../config/object.ts'
import type { Scope, World } from '../../model/index.ts'

interface Compiled<Message> {
  readonly message: Message
  readonly origins: readonly Origin[]
}

/** What a class of private-protocol proxies gets beside clusters and assignments. */
export interface MessageResources {
  listenerNames(): readonly string[]
  tableNames(): readonly string[]
  protocolNames(): readonly string[]
  /** Names of the clusters the tables send messages to. */
  clusterNames(): readonly string[]
  listener(name: string): Compiled<MessageListener> | undefined
  table(name: string): Compiled<MessageRouteTable> | undefined
  protocol(name: string): Compiled<Protocol> | undefined
}

export function messageResources(_world: World, _scope: Scope): MessageResources {
  const none = () => undefined
  return {
    listenerNames: () => [],
    tableNames: () => [],
    protocolNames: () => [],
    clusterNames: () => [],
    listener: none,
    table: none,
    protocol: none,
  }
}
