import { create } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import { expect, it, onTestFinished, vi } from 'vitest'
import { Cluster_DiscoveryType, ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { DeltaDiscoveryResponseSchema } from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts'
import { TYPE_URL } from '../../proto/types.ts'
import type { NotUsed } from './again.ts'
import { ConfigClient } from './client.ts'
import type { ControlPlaneEvents, Plane } from './control-plane.ts'
import type { HeldType } from './held-type.ts'

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
function led(notUsed: readonly NotUsed[] = []) {
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
    onConfiguration: async () => notUsed,
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
  /** All that is asked for by wildcard is answered: there is nothing. */
  const nothing = () => {
    for (const type of ['cds', 'pds', 'mrds', 'mlds'] as const)
      events.response(
        create(DeltaDiscoveryResponseSchema, { typeUrl: TYPE_URL[type], nonce: type, removedResources: ['x'] }),
      )
  }
  /** What a new stream is told is held. */
  const held = (type: HeldType) => {
    sent.length = 0
    events.opened()
    return Object.keys(sent.find((one) => one.type === type)?.init?.initialResourceVersions ?? {})
  }
  return { client, tell, nothing, held, sent }
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

it('what the machine is not ready for is said with the answer about listeners, and as no fault of the configuration', async () => {
  const message = 'the port is taken'
  const { client, nothing, sent } = led([{ kind: 'listener', name: 'l', message, transient: true }])
  await client.start()
  nothing()
  await vi.waitUntil(() => sent.filter(({ init }) => init?.responseNonce).length >= 4)
  const answers = sent.flatMap(({ type, init }) => (init?.responseNonce ? [[type, init.errorDetail]] : []))
  const waits = { code: 14, message: `not in force yet, tried again: l: ${message}` }
  expect(new Set(answers.map((one) => JSON.stringify(one)))).toEqual(
    new Set(
      [
        ['cds', undefined],
        ['pds', undefined],
        ['mrds', undefined],
        ['mlds', waits],
      ].map((one) => JSON.stringify(one)),
    ),
  )
})
