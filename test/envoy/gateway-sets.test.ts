import { setTimeout as sleep } from 'node:timers/promises'
import { fromJson, type JsonValue, toJson } from '@bufbuild/protobuf'
import { beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import type { ClientStatus } from '../../controlplane/status/book.ts'
import { MESSAGE_SCHEMA } from '../../controlplane/xds/envoy-resources.ts'
import { fullRegistry } from '../../proto/registry.ts'
import type { ResourceType } from '../../proto/types.ts'
import { envoyResource, type GatewaySet, gatewaySets, type RawList } from '../helpers/cases.ts'
import { testCa } from '../helpers/certificates.ts'
import { type ControlPlane, startControlPlane, startEnvoyClient } from '../helpers/control-plane.ts'
import type { TestEnvoy } from '../helpers/envoy.ts'
import { eventually, IN_THE_END_MS } from '../helpers/eventually.ts'

/**
 * Whole xDS sets written by others, served one after the other to one Envoy: its verdict must be the known one, and after an
 * accepted set it must hold exactly what was written. Going from set to set without a pause is part of the test.
 */

const sets = gatewaySets()
const registry = fullRegistry()

// biome-ignore lint/suspicious/noExplicitAny: config dumps are JSON of any shape
type Json = any

/** Where a config dump keeps the resources of a list. */
const DUMP: Readonly<Record<Exclude<RawList, 'secrets'>, { type: ResourceType; read: (dump: Json) => Json[] }>> = {
  clusters: {
    type: 'cds',
    read: (dump) => (dump.ClustersConfigDump?.dynamic_active_clusters ?? []).map((entry: Json) => entry.cluster),
  },
  endpoints: {
    type: 'eds',
    read: (dump) =>
      (dump.EndpointsConfigDump?.dynamic_endpoint_configs ?? []).map((entry: Json) => entry.endpoint_config),
  },
  listeners: {
    type: 'lds',
    read: (dump) =>
      (dump.ListenersConfigDump?.dynamic_listeners ?? []).flatMap(
        (entry: Json) => entry.active_state?.listener ?? entry.warming_state?.listener ?? [],
      ),
  },
  routes: {
    type: 'rds',
    read: (dump) => (dump.RoutesConfigDump?.dynamic_route_configs ?? []).map((entry: Json) => entry.route_config),
  },
}

function canonical(type: ResourceType, json: JsonValue): JsonValue {
  if (type === 'eds') return shownEndpoints(json)
  const schema = MESSAGE_SCHEMA[type]
  const { '@type': _, ...body } = json as Record<string, JsonValue>
  return toJson(schema, fromJson(schema, body, { registry }), { registry })
}

/**
 * Envoy dumps the hosts it has, not the assignment it was sent: what both can show is localities in their order of priority,
 * addresses and weights.
 */
function shownEndpoints(json: Json): Json {
  const localities = (json.endpoints ?? []).map(
    ({ locality = {}, priority = 0, lbEndpoints = json.lb_endpoints ?? [], ...rest }: Json) => ({
      locality: { region: '', zone: '', subZone: locality.sub_zone ?? '', ...locality },
      priority,
      hosts: (rest.lb_endpoints ?? lbEndpoints).map(({ endpoint, ...host }: Json) => {
        const { socketAddress, socket_address, pipe } = endpoint.address
        const address = socketAddress ?? socket_address
        return [
          pipe?.path ?? `${address.address}:${address.portValue ?? address.port_value}`,
          host.loadBalancingWeight ?? host.load_balancing_weight ?? 1,
        ]
      }),
    }),
  )
  // An address that stands in several localities is one host to Envoy, in the first of them.
  const seen = new Set<string>()
  for (const locality of localities)
    locality.hosts = locality.hosts.filter(([address]: Json) => !seen.has(address) && seen.add(address))
  const shown = localities.filter(({ hosts }: Json) => hosts.length > 0)
  return {
    clusterName: json.clusterName ?? json.cluster_name,
    localities: shown.sort((a: Json, b: Json) => a.priority - b.priority),
  }
}

/** Envoy hides sensitive values in its dump; there the written ones stand in. */
function withRedacted(held: Json, wanted: Json): Json {
  if (held === '[redacted]' || held === Buffer.from('[redacted]').toString('base64')) return wanted
  if (Array.isArray(held)) return held.map((item, index) => withRedacted(item, wanted?.[index]))
  if (typeof held !== 'object' || held === null) return held
  return Object.fromEntries(Object.entries(held).map(([key, item]) => [key, withRedacted(item, wanted?.[key])]))
}

let keys: { readonly cert: string; readonly key: string; readonly ca: string }
beforeAll(async () => {
  const ca = await testCa()
  keys = { ...(await ca.issue('placeholder', { dns: ['placeholder.example'] })), ca: ca.cert }
})

/** The sets hold placeholder bytes instead of certificates and keys: real ones take their place. */
function withRealKeys(set: GatewaySet): GatewaySet {
  const secrets = (set.lists.secrets ?? []).map((secret): Record<string, unknown> => {
    const { name, tlsCertificate, validationContext } = secret as Json
    if (tlsCertificate)
      return {
        name,
        tlsCertificate: { certificateChain: { inlineString: keys.cert }, privateKey: { inlineString: keys.key } },
      }
    const bytes = validationContext?.trustedCa?.inlineBytes
    const placeholder = bytes && !Buffer.from(bytes, 'base64').includes('BEGIN CERTIFICATE')
    return placeholder ? { name, validationContext: { trustedCa: { inlineString: keys.ca } } } : secret
  })
  return { ...set, lists: { ...set.lists, ...(secrets.length > 0 && { secrets }) } }
}

describe.skipIf(sets.length === 0).each(['delta', 'sotw'] as const)('Envoy Gateway’s sets over %s', (mode) => {
  let controlPlane: ControlPlane
  let envoy: TestEnvoy

  beforeAll(async () => {
    controlPlane = await startControlPlane('')
    const node = { id: 'router~127.0.0.1~edge.default~default.svc.cluster.local' }
    // Some sets count by endpoint, which Envoy refuses beside load reports.
    envoy = await startEnvoyClient(controlPlane, mode, node, { loadReports: false })
  })

  const client = (): ClientStatus =>
    controlPlane.server.status.clients().find(({ disconnectedAt }) => disconnectedAt === undefined)!

  /**
   * Until nothing is on its way any more; the refusals there are. Where a route table was refused, clusters that only the old one
   * uses wait to be removed: that is as settled as it gets.
   */
  async function settled(): Promise<readonly string[]> {
    const end = performance.now() + IN_THE_END_MS
    for (let calm = 0; calm < 3; await sleep(60)) {
      const { types } = client()
      const refused = types.some(({ nack }) => nack)
      const open = types.filter(
        ({ state, unansweredSince }) => unansweredSince !== undefined || (state === 'STALE' && !refused),
      )
      calm = open.length > 0 ? 0 : calm + 1
      if (performance.now() > end) throw new Error(`not settled: ${JSON.stringify(open)}`)
    }
    return client().types.flatMap(({ nack }) => (nack ? [nack.message] : []))
  }

  it.each(sets.map((set) => [set.name, set.expect, set] as const))('%s: %s', async (_name, verdict, given) => {
    const set = withRealKeys(given)
    await controlPlane.tell(stringify(envoyResource(set)))
    // Clusters and listeners may be refused only when their secrets have come, after a moment in which all was well.
    if (verdict !== 'accept') await expect.poll(settled).not.toEqual([])
    const refusals = await settled()
    if (verdict === 'environment') expect(refusals.join('\n')).toMatch(/Invalid path|does not exist|unable to read/)
    else if (verdict === 'reject') expect(refusals).not.toEqual([])
    // What Envoy asks for when it has seen its clusters and listeners comes after a moment, too.
    else await eventually(async () => isHeld(set, await settled()))
  })

  async function isHeld(set: GatewaySet, refusals: readonly string[]): Promise<void> {
    expect(refusals).toEqual([])
    const dump: Json = await envoy.configDump()
    for (const [list, { type, read }] of Object.entries(DUMP) as [keyof typeof DUMP, (typeof DUMP)['routes']][]) {
      const wanted = (set.lists[list] ?? []).map((json) => canonical(type, json as JsonValue))
      const held = read(dump).map((json: JsonValue) => canonical(type, json))
      const names = new Set(wanted.map(nameOf))
      const expected = byName(wanted.filter((json) => type !== 'eds' || used(set, nameOf(json))))
      const found = byName(held.filter((json: JsonValue) => names.has(nameOf(json))))
      expect(withRedacted(found, expected), list).toEqual(expected)
    }
  }
})

const nameOf = (json: JsonValue): string => String((json as Json).name ?? (json as Json).clusterName)
const byName = (list: readonly JsonValue[]): Record<string, JsonValue> =>
  Object.fromEntries(list.map((json) => [nameOf(json), json]))

/** An assignment that no cluster of the set asks for is never sent. */
function used(set: GatewaySet, name: string): boolean {
  return (set.lists.clusters ?? []).some(
    (cluster: Json) => cluster.type === 'EDS' && (cluster.edsClusterConfig?.serviceName || cluster.name) === name,
  )
}
