import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import { ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { ListenerSchema } from '../../proto/gen/envoy/config/listener/v3/listener_pb.ts'
import { VirtualHostSchema } from '../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { RouteConfigurationSchema } from '../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { MessageListenerSchema } from '../../proto/gen/meshgate/v1/message_listener_pb.ts'
import { MessageRouteTableSchema } from '../../proto/gen/meshgate/v1/message_route_pb.ts'
import { ProtocolSchema } from '../../proto/gen/meshgate/v1/protocol_pb.ts'
import { encode } from '../../proto/make.ts'
import type { ResourceType } from '../../proto/types.ts'
import type { Origin } from '../config/object.ts'
import { cell, cells } from '../model/cells.ts'
import type { Scope } from '../model/index.ts'
import { named } from '../model/lasting.ts'
import type { World } from '../model/world.ts'
import { clusterNames, compileCluster, compileLoadAssignment, type Problem } from './clusters/index.ts'
import { grpcListener, grpcListenerNames } from './listeners/grpc.ts'
import { buildListener, type ListenerPlan, listenerPlans } from './listeners/index.ts'
import { messageResources } from './messages/index.ts'
import type { Resource } from './resource.ts'
import { compileRouteConfiguration, type RouteTable, routeConfigurationNames } from './routes/index.ts'
import { compileSecret, secretNames } from './secrets.ts'
import { emptyTable, LazyVirtualHosts, openingName } from './virtual-hosts.ts'

/** A compiled message, and what goes with it into the resource. */
interface Compiled<Desc extends DescMessage> {
  readonly message: MessageShape<Desc>
  /** The encoded message, from compilers that have it anyway. */
  readonly bytes?: Uint8Array
  readonly origins: readonly Origin[]
  readonly children?: Resource['children']
  readonly pending?: boolean
  readonly problems?: readonly Problem[]
}

/** A message as it is sent. */
export interface Encoded {
  readonly bytes: Uint8Array
  /** Where it comes from may be many places, worked out when somebody asks. */
  readonly from: Pick<Compiled<DescMessage>, 'origins' | 'children' | 'pending'>
  /** What of it is not as its documents ask. */
  readonly problems?: readonly Problem[] | undefined
}

/** What there is of one type of resources for a class. */
export interface Compiler {
  names(): readonly string[]
  /** Undefined for what there is not. */
  compile(name: string): Encoded | undefined
}

/** By type of resources; what a class has nothing of is absent. Nothing is kept here: `ClassView` has a cell for each name. */
export type Compilers = { readonly [type in ResourceType]?: Compiler }

/** The message of what was compiled, encoded; undefined for what there is not. */
export function encoded<Desc extends DescMessage>(
  schema: Desc,
  compiled: Compiled<Desc> | undefined,
): Encoded | undefined {
  return (
    compiled && {
      bytes: compiled.bytes ?? encode(schema, compiled.message),
      from: compiled,
      problems: compiled.problems,
    }
  )
}

function compiler<Desc extends DescMessage>(
  schema: Desc,
  names: () => readonly string[],
  compile: (name: string) => Compiled<Desc> | undefined,
): Compiler {
  return { names, compile: (name) => encoded(schema, compile(name)) }
}

/** What a class is served, and of it what serving on demand looks into. */
export interface ClassCompilers {
  readonly compilers: Compilers
  /** Route tables, whole. */
  tables(): readonly RouteTable[]
  listeners(): Iterable<ListenerPlan>
  /** For sidecars: their virtual hosts can be had one by one. */
  readonly virtualHosts: LazyVirtualHosts | undefined
}

/** What a view has under a name. Reads are tracked. */
type Asked = (type: ResourceType, name: string) => Resource | undefined

/** What proxies of a class are served, by type of resources: Envoys, gRPC clients and message proxies differ in it. */
export function compilersOf(scope: Scope, world: World, asked: Asked): ClassCompilers {
  const { proxy } = scope
  const secrets = compiler(
    SecretSchema,
    () => secretNames(world, proxy),
    (name) => compileSecret(world, proxy, name),
  )
  const endpoints = (clusters: () => readonly string[]) =>
    compiler(
      ClusterLoadAssignmentSchema,
      () => clusters().flatMap((name) => asked('cds', name)?.children.map((child) => child.name) ?? []),
      (name) => compileLoadAssignment(scope, name),
    )
  if (proxy.type === 'message') {
    const { clusterNames: clusters, ...messages } = messageResources(world, scope)
    return {
      compilers: {
        cds: compiler(ClusterSchema, clusters, messages.cluster),
        eds: endpoints(clusters),
        sds: secrets,
        pds: compiler(ProtocolSchema, messages.protocolNames, messages.protocol),
        mrds: compiler(MessageRouteTableSchema, messages.tableNames, messages.table),
        mlds: compiler(MessageListenerSchema, messages.listenerNames, messages.listener),
      },
      tables: () => [],
      listeners: () => [],
      virtualHosts: undefined,
    }
  }
  const clusters = () => clusterNames(scope)
  const tableNames = () => routeConfigurationNames(scope)
  const table = proxy.lazy
    ? cells((name) => compileRouteConfiguration(scope, name), undefined, { lasting: named(tableNames) })
    : (name: string) => compileRouteConfiguration(scope, name)
  const virtualHosts = proxy.type === 'sidecar' ? new LazyVirtualHosts({ tables: tableNames, table }) : undefined
  const plans = cell(
    () => new Map(proxy.type === 'grpc' ? [] : listenerPlans(scope).map((plan) => [plan.name, plan] as const)),
  )
  const grpcListeners = compiler(
    ListenerSchema,
    () => grpcListenerNames(scope),
    (name) => {
      const message = grpcListener(scope, name)
      return message && { message, origins: [] }
    },
  )
  const listeners = compiler(
    ListenerSchema,
    // One that cannot be built is no listener.
    () => [...plans().keys()].filter((name) => asked('lds', name)),
    (name) => {
      const plan = plans().get(name)
      return plan && buildListener(plan)
    },
  )
  return {
    compilers: {
      cds: compiler(ClusterSchema, clusters, (name) => compileCluster(scope, name)),
      eds: endpoints(clusters),
      lds: proxy.type === 'grpc' ? grpcListeners : listeners,
      rds: compiler(RouteConfigurationSchema, tableNames, (name) => {
        const empty = virtualHosts && emptyTable(name, tableNames())
        return empty
          ? { message: empty, origins: [], children: [{ type: 'vhds', name: openingName(name) }] }
          : table(name)
      }),
      ...(virtualHosts && {
        vhds: compiler(
          VirtualHostSchema,
          () => virtualHosts.names(),
          (name) => virtualHosts.compile(name),
        ),
      }),
      sds: secrets,
    },
    tables: () => tableNames().flatMap((name) => table(name) ?? []),
    listeners: () => plans().values(),
    virtualHosts,
  }
}
