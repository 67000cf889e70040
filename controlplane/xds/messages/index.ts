import type { MessageListener } from '../../../proto/gen/meshgate/v1/message_listener_pb.ts'
import type { MessageRouteTable } from '../../../proto/gen/meshgate/v1/message_route_pb.ts'
import { type Protocol, ProtocolSchema } from '../../../proto/gen/meshgate/v1/protocol_pb.ts'
import { make } from '../../../proto/make.ts'
import type { Origin } from '../../config/object.ts'
import { cell, cells, sameEntries, sameItems, unrecorded } from '../../model/cells.ts'
import type { Scope, World } from '../../model/index.ts'
import { named, sweeping } from '../../model/lasting.ts'
import { isSupposing } from '../../model/supposition.ts'
import type { CompiledCluster } from '../clusters/index.ts'
import { hasCluster, messageCluster } from './cluster.ts'
import { messageListener } from './listener.ts'
import { type TableFamily, tableFamily } from './pieces.ts'
import { messagePlans } from './plans.ts'

interface Compiled<Message> {
  readonly message: Message
  readonly origins: readonly Origin[]
}

/** What a class of private-protocol proxies gets. It gets no other cluster than those its route tables name. */
export interface MessageResources {
  listenerNames(): readonly string[]
  tableNames(): readonly string[]
  protocolNames(): readonly string[]
  clusterNames(): readonly string[]
  listener(name: string): Compiled<MessageListener> | undefined
  table(name: string): Compiled<MessageRouteTable> | undefined
  protocol(name: string): Compiled<Protocol> | undefined
  cluster(name: string): CompiledCluster | undefined
}

/** What message proxies of a class get; each resource is compiled when it is asked for. */
export function messageResources(world: World, scope: Scope): MessageResources {
  const plans = cell(() => messagePlans(world, scope))
  const planNamed = (name: string) => plans().find((plan) => plan.name === name)
  const tables = cell(() => [...new Set(plans().map(({ table }) => table))], sameItems)
  const planOf = cells((table) => plans().find((plan) => plan.table === table), undefined, { lasting: named(tables) })
  const made = new Map<string, TableFamily>()
  const sweep = sweeping(named(tables))
  const family = (table: string) => {
    let known = made.get(table)
    if (!known) {
      known = tableFamily(world, scope, () => planOf(table))
      made.set(table, known)
      if (!isSupposing()) unrecorded(() => sweep(made, table))
    }
    return known
  }
  const tableNames = () => tables().flatMap((table) => family(table).names())
  const table = (name: string) => {
    const owner = tables().includes(name) ? name : name.slice(0, Math.max(0, name.lastIndexOf('#')))
    return tables().includes(owner) ? family(owner).get(name) : undefined
  }
  const clusters = cell(() => {
    const hashed = new Map<string, boolean>()
    for (const name of tableNames())
      for (const [cluster, use] of table(name)?.clusters ?? [])
        hashed.set(cluster, use.hashed || hashed.get(cluster) === true)
    return hashed
  }, sameEntries)
  return {
    listenerNames: () => plans().map(({ name }) => name),
    tableNames,
    protocolNames: () => [...new Set(plans().map(({ protocol }) => protocol.name))],
    // A destination that does not exist has a name and no cluster.
    clusterNames: () => [...clusters().keys()].sort().filter((name) => hasCluster(scope, name)),
    listener: (name) => {
      const plan = planNamed(name)
      return plan && { message: messageListener(plan, scope.settings().messages), origins: plan.origins }
    },
    table,
    protocol: (name) => {
      const found = plans().find(({ protocol }) => protocol.name === name)?.protocol
      return found && { message: make(ProtocolSchema, { name, codec: found.codec }), origins: found.origins }
    },
    cluster: (name) => messageCluster(scope, name, clusters().get(name) ?? false),
  }
}

export { protocolOfPort } from './protocols.ts'
