import { create } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import { expect, it, onTestFinished } from 'vitest'
import { Cluster_DiscoveryType, ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { DeltaDiscoveryResponseSchema } from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts'
import { TYPE_URL } from '../../proto/types.ts'
import { ConfigClient } from './client.ts'
import type { ControlPlaneEvents, Plane } from './control-plane.ts'
import type { HeldType } from './store.ts'

const NAMES = { eds: 'e', sds: 's', cds: 'c' } as const
const CLUSTER = create(ClusterSchema, {
  name: 'c',
  clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
  edsClusterConfig: { serviceName: 'e' },
})
const MESSAGES = {
  cds: anyPack(ClusterSchema, CLUSTER),
  eds: anyPack(ClusterLoadAssignmentSchema, create(ClusterLoadAssignmentSchema, { clusterName: 'e' })),
  sds: anyPack(SecretSchema, create(SecretSchema, { name: 's' })),
} as const

/** A client, and a control plane that the test leads. */
function led() {
  let events!: ControlPlaneEvents
  const sent: { type: HeldType; init: Parameters<Plane['send']>[1] }[] = []
  const plane: Plane = {
    connected: true,
    session: 1,
    lastResponseAt: undefined,
    connect: () => events.opened(),
    send: (type, init) => void sent.push({ type, init }),
    stop: () => undefined,
  }
  const client = new ConfigClient({
    xds: { host: '127.0.0.1', port: 1 },
    node: { id: 'n', cluster: 'c' },
    log: { info: () => undefined, warn: () => undefined },
    onConfiguration: async () => [],
    plane: (_, own) => {
      events = own
      return plane
    },
  })
  onTestFinished(() => client.stop())
  let nonce = 0
  const tell = (type: keyof typeof MESSAGES, there: boolean) => {
    const name = NAMES[type]
    events.response(
      create(DeltaDiscoveryResponseSchema, {
        typeUrl: TYPE_URL[type],
        nonce: String(++nonce),
        ...(there ? { resources: [{ name, version: '1', resource: MESSAGES[type] }] } : { removedResources: [name] }),
      }),
    )
  }
  /** What a new stream is told is held. */
  const held = (type: HeldType) => {
    sent.length = 0
    events.opened()
    return Object.keys(sent.find((one) => one.type === type)?.init?.initialResourceVersions ?? {})
  }
  return { client, tell, held, sent }
}

it('an answer about a name that comes when nothing refers to it any more is answered and not kept', async () => {
  const { client, tell, held, sent } = led()
  await client.start()
  tell('cds', true)
  tell('eds', true)
  expect(held('eds')).toEqual(['e'])
  tell('cds', false)
  tell('eds', true)
  tell('sds', true)
  tell('sds', false)
  expect(sent.filter(({ init }) => init?.errorDetail)).toEqual([])
  expect(sent.at(-1)).toMatchObject({ type: 'sds', init: { responseNonce: '6' } })
  // A cluster that names it asks for it anew.
  tell('cds', true)
  expect(sent.filter(({ init }) => init?.resourceNamesSubscribe?.includes('e'))).toHaveLength(2)
  expect(held('eds')).toEqual([])
})
