import { create, toBinary } from '@bufbuild/protobuf'
import type { Random } from '../../../codecs/mutated.ts'
import { HELD_TYPES, type HeldType } from '../../../dataplane/config/held-type.ts'
import { Cluster_DiscoveryType, ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { MessageListenerSchema } from '../../../proto/gen/meshgate/v1/message_listener_pb.ts'
import { MessageRouteTableSchema } from '../../../proto/gen/meshgate/v1/message_route_pb.ts'
import { ProtocolSchema } from '../../../proto/gen/meshgate/v1/protocol_pb.ts'
import type { Held, World } from './plane.ts'

/** A resource of this name that a proxy refuses: for its bytes, for what it says, or because this very proxy cannot use it. */
function bad(type: HeldType, name: string, any: Random): Uint8Array {
  const draw = any(3)
  if (draw === 0) return Uint8Array.of(0xff, 0xff, 0xff)
  switch (type) {
    case 'cds':
      return toBinary(
        ClusterSchema,
        create(ClusterSchema, {
          name,
          clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
        }),
      )
    case 'mrds':
      return toBinary(
        MessageRouteTableSchema,
        create(MessageRouteTableSchema, { name, routes: [{ name: 'r', clusters: [{ name: 'c', weight: 0 }] }] }),
      )
    case 'pds':
      return toBinary(
        ProtocolSchema,
        create(ProtocolSchema, {
          name,
          codec: draw === 1 ? { case: 'shipped', value: 'none' } : { case: 'local', value: {} },
        }),
      )
    case 'mlds':
      return toBinary(
        MessageListenerSchema,
        create(MessageListenerSchema, {
          name,
          protocol: draw === 1 ? '' : 'missing',
          routeTable: 'missing',
          address: {
            address: {
              case: 'socketAddress',
              value: { address: '127.0.0.1', portSpecifier: { case: 'portValue', value: 17_000 } },
            },
          },
        }),
      )
    default:
      return Uint8Array.of(0xff)
  }
}

let versions = 0

/** The world with some of its resources gone bad. */
export function spoiled(world: World, any: Random): World {
  const entries = HELD_TYPES.map((type) => {
    const held = [...world[type]].map(([name, one]): [string, Held] =>
      any(4) === 0 ? [name, { version: `bad ${++versions}`, bytes: bad(type, name, any) }] : [name, one],
    )
    return [type, new Map(held)] as const
  })
  return Object.fromEntries(entries) as never
}
