import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { beforeAll, describe, expect, test } from 'vitest'
import { startProcess } from '../../cli/processes/process.ts'
import { Cluster } from '../../dataplane/cluster/cluster.ts'
import { Names } from '../../dataplane/cluster/names.ts'
import { readCluster } from '../../dataplane/config/cluster.ts'
import { readAssignment } from '../../dataplane/config/endpoints.ts'
import { ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { fullRegistry } from '../../proto/registry.ts'
import { writeBootstrap } from '../helpers/envoy.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { requireEnvoy } from '../helpers/tools.ts'

/**
 * Maglev tables of a real Envoy, which writes each into its log at level trace, beside those of the message proxy for the
 * same cluster. Every case has a port of its own, by which its tables are found. (A table of a single host is not written.)
 */

interface Case {
  readonly name: string
  readonly size: number
  readonly groups: readonly JsonObject[]
  /** Fields of the cluster beside its endpoints, or of the policy. */
  readonly policy?: JsonObject
  readonly cluster?: JsonObject
  /** Of 100, how many hashes go to priority 0; default all. */
  readonly first?: number
}

const PORT = 20_000
const host = (address: string, more: JsonObject = {}, endpoint: JsonObject = {}): JsonObject => ({
  address,
  more,
  endpoint,
})
const group = (zone: string, hosts: readonly JsonObject[], more: JsonObject = {}): JsonObject => ({
  zone,
  hosts: [...hosts],
  more,
})
const ten = (third: number, more: (i: number) => JsonObject = () => ({})) =>
  Array.from({ length: 10 }, (_, i) => host(`10.0.${third}.${i + 1}`, more(i)))
const key = (hash_key: string | number): JsonObject => ({ metadata: { filterMetadata: { 'envoy.lb': { hash_key } } } })
const sick: JsonObject = { healthStatus: 'UNHEALTHY' }
const WEIGHTED: JsonObject = { localityWeightedLbConfig: {} }
const DNS: JsonObject = {
  name: 'envoy.clusters.dns',
  typedConfig: {
    '@type': 'type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster',
    dnsRefreshRate: '60s',
    dnsLookupFamily: 'V4_PREFERRED',
    respectDnsTtl: true,
  },
}

const CASES: readonly Case[] = [
  {
    name: 'weights of 1 beside 1000',
    size: 1021,
    groups: [
      group(
        'a',
        ten(0, (i) => ({ loadBalancingWeight: i % 3 ? 1 : 1000 })),
      ),
    ],
  },
  {
    name: 'weights that are no round parts',
    size: 509,
    groups: [
      group(
        'a',
        ten(0, (i) => ({ loadBalancingWeight: 7 * i + 3 })),
      ),
    ],
  },
  { name: 'more hosts than slots', size: 7, groups: [group('a', ten(0))] },
  { name: 'two slots', size: 2, groups: [group('a', ten(0).slice(0, 2))] },
  {
    name: 'the default size',
    size: 65_537,
    groups: [
      group(
        'a',
        ten(0, (i) => ({ loadBalancingWeight: i + 1 })),
      ),
    ],
  },
  {
    name: 'IPv6, however it is written',
    size: 251,
    groups: [
      group('a', [
        host('2001:DB8:0:0:0:0:0:1'),
        host('2001:0db8::2'),
        host('0:0:0:0:0:0:0:1'),
        host('::ffff:10.0.0.9'),
        host('fe80:0:0:1::5'),
        host('2001:db8:0:1:0:0:0:1'),
      ]),
    ],
  },
  {
    name: 'keys of metadata, which count when they are a text with something in it',
    size: 251,
    groups: [
      group('a', [
        host('10.0.0.1', key('one')),
        host('10.0.0.2', key('')),
        host('10.0.0.3', key(3)),
        host('10.0.0.4', key('four')),
      ]),
    ],
  },
  {
    name: 'names of hosts',
    size: 251,
    groups: [
      group(
        'a',
        [1, 2, 3].map((i) => host(`10.0.0.${i}`, {}, { hostname: `h${i}.shop` })),
      ),
    ],
    policy: { consistentHashingLbConfig: { useHostnameForHashing: true } },
    cluster: { type: 'STRICT_DNS' },
  },
  {
    name: 'addresses of names',
    size: 251,
    groups: [group('a', [host('localhost'), host('10.0.0.2', { loadBalancingWeight: 2 }), host('10.0.0.3')])],
    cluster: { type: 'STRICT_DNS', dnsLookupFamily: 'V4_ONLY' },
  },
  {
    name: 'addresses of names, as a cluster of this mesh looks them up',
    size: 251,
    groups: [group('a', [host('localhost'), host('10.0.0.2')]), group('b', [host('10.0.0.3')])],
    cluster: { clusterType: DNS },
  },
  {
    name: 'names of hosts that were looked up',
    size: 251,
    groups: [group('a', [host('localhost'), host('10.0.0.2', {}, { hostname: 'two.shop' }), host('10.0.0.3')])],
    policy: { consistentHashingLbConfig: { useHostnameForHashing: true } },
    cluster: { type: 'STRICT_DNS', dnsLookupFamily: 'V4_ONLY' },
  },
  {
    name: 'localities of weight 3, 8 and none',
    size: 509,
    groups: [
      group('a', ten(0), { loadBalancingWeight: 3 }),
      group(
        'b',
        ten(1, (i) => ({ loadBalancingWeight: i + 1 })),
        { loadBalancingWeight: 8 },
      ),
      group('d', ten(3)),
    ],
    policy: WEIGHTED,
  },
  {
    name: 'weighted localities, some without (healthy) hosts',
    size: 509,
    groups: [
      group('a', ten(0), { loadBalancingWeight: 3 }),
      group('b', [host('10.0.1.1', sick)], { loadBalancingWeight: 7 }),
      group('c', [], { loadBalancingWeight: 11 }),
      group(
        'd',
        ten(3, (i) => ({ loadBalancingWeight: 3 * i + 1 })),
        { loadBalancingWeight: 13 },
      ),
    ],
    policy: WEIGHTED,
  },
  {
    name: 'two priorities, each with localities of its own',
    size: 509,
    groups: [
      group(
        'a',
        ten(0, (i) => (i % 2 ? sick : { loadBalancingWeight: i + 1 })),
        { loadBalancingWeight: 3 },
      ),
      group(
        'b',
        ten(1, (i) => (i % 2 ? sick : {})),
        { loadBalancingWeight: 5 },
      ),
      group('a', ten(2), { loadBalancingWeight: 17, priority: 1 }),
      group('b', ten(3), { loadBalancingWeight: 29, priority: 1 }),
    ],
    policy: WEIGHTED,
    first: 70,
  },
  {
    name: 'the old fields of a cluster',
    size: 251,
    groups: [
      group(
        'a',
        [1, 2, 3].map((i) => host(`10.0.0.${i}`, {}, { hostname: `h${i}` })),
        { loadBalancingWeight: 2 },
      ),
      group(
        'b',
        [4, 5].map((i) => host(`10.0.0.${i}`, {}, { hostname: `h${i}` })),
        { loadBalancingWeight: 5 },
      ),
    ],
    cluster: {
      type: 'STRICT_DNS',
      lbPolicy: 'MAGLEV',
      maglevLbConfig: { tableSize: '251' },
      commonLbConfig: { ...WEIGHTED, consistentHashingLbConfig: { useHostnameForHashing: true } },
    },
  },
]

function clusterOf({ name, size, policy = {}, cluster }: Case): JsonObject {
  const typedConfig = {
    '@type': 'type.googleapis.com/envoy.extensions.load_balancing_policies.maglev.v3.Maglev',
    tableSize: String(size),
    ...policy,
  }
  return {
    name,
    ...(!cluster?.['clusterType'] && { type: 'EDS' }),
    connectTimeout: '1s',
    ...cluster,
    ...(!cluster?.['lbPolicy'] && {
      loadBalancingPolicy: { policies: [{ typedExtensionConfig: { name: 'maglev', typedConfig } }] },
    }),
  }
}

function assignmentOf({ name, groups }: Case, port: number): JsonObject {
  return {
    clusterName: name,
    endpoints: groups.map(({ zone, hosts, more }) => ({
      locality: { zone: zone! },
      lbEndpoints: (hosts as JsonObject[]).map(({ address, more: fields, endpoint }) => ({
        endpoint: { ...(endpoint as JsonObject), address: { socketAddress: { address: address!, portValue: port } } },
        ...(fields as JsonObject),
      })),
      ...(more as JsonObject),
    })),
  }
}

const clusters = CASES.map(clusterOf)
let log: string

beforeAll(async () => {
  const folder = testFolder('maglev')
  const file = join(folder, 'envoy.log')
  const files = CASES.map((_, index) => join(folder, `${index}.json`))
  for (const [index, one] of CASES.entries()) {
    const type = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment'
    const resources = [{ '@type': type, ...assignmentOf(one, PORT + index) }]
    await writeFile(files[index]!, JSON.stringify({ versionInfo: '1', resources }))
  }
  const given = clusters.map((cluster, index) =>
    cluster['type'] === 'EDS'
      ? {
          ...cluster,
          edsClusterConfig: { edsConfig: { pathConfigSource: { path: files[index]! }, resourceApiVersion: 'V3' } },
        }
      : { ...cluster, loadAssignment: assignmentOf(CASES[index]!, PORT + index) },
  )
  const run = await startProcess({
    command: requireEnvoy().path,
    args: [
      ['-c', await writeBootstrap(folder, { node: { id: 'a', cluster: 'a' }, staticResources: { clusters: given } })],
      ['--disable-hot-restart', '--concurrency', '1', '-l', 'critical'],
      ['--component-log-level', 'upstream:trace', '--log-path', file],
    ].flat(),
    cwd: folder,
  })
  stopAfterTests(() => run.stop())
  await comesTrue(async () => {
    if (!run.running) throw new Error(`Envoy ended: ${run.errors()}`)
    log = await readFile(file, 'utf8').catch(() => '')
    return log.includes('all clusters initialized')
  }, 'Envoy to have its clusters')
})

/** The tables Envoy wrote last for a case, by priority: a list of addresses each. */
function written(port: number, priorities: number): readonly (readonly string[])[] {
  const tables: string[][] = []
  for (const [, slot, address] of log.matchAll(/maglev: i=(\d+) address=(\S+) host=/g)) {
    if (!address!.endsWith(`:${port}`)) continue
    if (slot === '0') tables.push([])
    tables.at(-1)!.push(address!)
  }
  return tables.slice(-priorities)
}

describe('tables and choices equal those of Envoy', () => {
  test.each(CASES.map((one, index) => [one.name, one, index] as const))(
    '%s',
    async (_, { size, groups, first = 100 }, index) => {
      const message = fromJson(ClusterSchema, clusters[index]!, { registry: fullRegistry() })
      const assignment = fromJson(ClusterLoadAssignmentSchema, assignmentOf(CASES[index]!, PORT + index))
      const config = { ...readCluster(message).config, ...readAssignment(assignment) }
      const names = new Names(() => undefined)
      await names.learn([config])
      const cluster = new Cluster(names.resolved(config), () => undefined)
      names.stop()
      const priorities = new Set(groups.map(({ more }) => (more as JsonObject)['priority'] ?? 0)).size
      const tables = written(PORT + index, priorities)
      expect(tables.map((table) => table.length)).toEqual(Array.from({ length: priorities }, () => size))
      const ours = tables.map(() => new Array<string>(size))
      for (let slot = 0; slot < size; slot++)
        for (const [priority, point] of [0, first].entries()) {
          if (point === 100) continue
          // Envoy chooses the priority by the hash modulo 100 and the slot by the hash modulo the size.
          let hash = 2n ** 63n + BigInt(size - Number(2n ** 63n % BigInt(size)) + slot)
          while (hash % 100n < point || (priority === 0 && hash % 100n >= first)) hash += BigInt(size)
          const [low, high] = [Number(BigInt.asIntN(32, hash)), Number(BigInt.asIntN(32, hash >> 32n))]
          ours[priority]![slot] = cluster.pick(true, low, high, 0, null)!.key
        }
      expect(ours).toEqual(tables)
    },
  )
})
