import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { beforeAll, describe, expect, test } from 'vitest'
import { hashInto } from '../../dataplane/cluster/balance/xxhash64.ts'
import { Cluster } from '../../dataplane/cluster/cluster.ts'
import { readCluster } from '../../dataplane/config/cluster.ts'
import { readAssignment } from '../../dataplane/config/endpoints.ts'
import { ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { fullRegistry } from '../../proto/registry.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { stopAfterTests } from '../helpers/processes.ts'

/**
 * Where keys land while hosts are not well: requests to a real Envoy, beside what the message proxy chooses for the same cluster and the
 * same hashes. Every host is an address of the loopback network, and one server answers at all of them with the address it was asked at.
 */

const KEYS = Array.from({ length: 300 }, (_, n) => `player-${n}`)

/** A priority: its hosts by their health, `h`ealthy, `d`egraded, d`r`aining or `u`nhealthy. */
type Priority = string
const HEALTH: Readonly<Record<string, string>> = { h: 'HEALTHY', d: 'DEGRADED', r: 'DRAINING', u: 'UNHEALTHY' }

interface Case {
  readonly name: string
  readonly priorities: readonly Priority[]
  readonly more?: JsonObject
}

const CASES: readonly Case[] = [
  { name: 'degraded hosts beside enough healthy ones', priorities: ['hhhhdd'] },
  { name: 'degraded hosts that would get a share', priorities: ['hhdddd'] },
  { name: 'all degraded', priorities: ['ddd'] },
  { name: 'all degraded, and others healthy behind them', priorities: ['ddd', 'hhhhuuuu'] },
  { name: 'healthy and degraded hosts of two priorities', priorities: ['hhdduuuuuu', 'hdduuu'] },
  { name: 'degraded hosts among so few that all are used', priorities: ['hduuuuuuuu'] },
  { name: 'draining hosts among healthy ones', priorities: ['hhhrr'] },
  { name: 'more draining than healthy', priorities: ['hrrru'] },
  { name: 'draining hosts, and others behind them', priorities: ['hhhrrr', 'hh'] },
  { name: 'all draining', priorities: ['rrr'] },
  { name: 'too few in every priority', priorities: ['huuuuuuuuuuuuuuuuuuu', 'huuuuuuuuu'] },
  { name: 'too few in one of two', priorities: ['huuuuuuuuu', 'hhhhuuuu'] },
  { name: 'too few in every priority, and some draining', priorities: ['huuuurrr', 'uuuuu'] },
  { name: 'too few in one priority, which has some draining', priorities: ['huuuurrr', 'hhuu'] },
  { name: 'a first priority that is draining', priorities: ['rrr', 'hhuu'] },
  { name: 'a priority without hosts', priorities: ['', 'huuuu', 'huu'] },
  {
    name: 'nobody well, and nobody used then',
    priorities: ['uuu', 'uu'],
    more: { commonLbConfig: { healthyPanicThreshold: { value: 0 } } },
  },
  {
    name: 'a threshold that is no whole number',
    priorities: ['huu'],
    more: { commonLbConfig: { healthyPanicThreshold: { value: 33.9 } } },
  },
]

const POLICIES: Readonly<Record<string, JsonObject>> = {
  maglev: {
    '@type': 'type.googleapis.com/envoy.extensions.load_balancing_policies.maglev.v3.Maglev',
    tableSize: '251',
  },
  ring_hash: {
    '@type': 'type.googleapis.com/envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash',
    minimumRingSize: '256',
  },
}

function clusterOf(name: string, policy: JsonObject, { priorities, more }: Case, port: number): JsonObject {
  const lbEndpoints = (priority: number) =>
    [...priorities[priority]!].map((health, i) => ({
      healthStatus: HEALTH[health]!,
      endpoint: { address: { socketAddress: { address: `127.0.${priority + 1}.${i + 1}`, portValue: port } } },
    }))
  return {
    name,
    type: 'STATIC',
    connectTimeout: '5s',
    loadBalancingPolicy: { policies: [{ typedExtensionConfig: { name: 'hash', typedConfig: policy } }] },
    ...more,
    loadAssignment: {
      clusterName: name,
      endpoints: priorities.map((_, priority) => ({ priority, lbEndpoints: lbEndpoints(priority) })),
    },
  }
}

const ALL = Object.entries(POLICIES).flatMap(([kind, policy]) =>
  CASES.map((one, index) => ({ kind, policy, one, name: `${kind}-${index}` })),
)
const agent = new Agent({ keepAlive: true, maxSockets: 4 })
let envoy: TestEnvoy
let edge: number
let clusters: readonly JsonObject[]

beforeAll(async () => {
  const server = createServer(({ socket }, response) => response.end(`${socket.localAddress}:${socket.localPort}`))
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  stopAfterTests(async () => {
    agent.destroy()
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  clusters = ALL.map(({ name, policy, one }) => clusterOf(name, policy, one, port))
  const hashPolicy = [{ header: { headerName: 'x-key' } }]
  const typedConfig = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    statPrefix: 'edge',
    httpFilters: [
      {
        name: 'router',
        typedConfig: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
    routeConfig: {
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { clusterHeader: 'x-cluster', hashPolicy } }],
        },
      ],
    },
  }
  const listener = {
    name: 'edge',
    address: { socketAddress: { address: '127.0.0.1', portValue: 0 } },
    filterChains: [{ filters: [{ name: 'http', typedConfig }] }],
  }
  envoy = await startEnvoy({ bootstrap: { staticResources: { clusters: [...clusters], listeners: [listener] } } })
  edge = await envoy.listenerPort('edge')
})

/** The address a key leads to through Envoy; `none` when it has nobody for it. */
function ask(cluster: string, key: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-cluster': cluster, 'x-key': key }
    const sent = request({ host: '127.0.0.1', port: edge, headers, agent }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        body += text
      })
      response.on('end', () => resolve(response.statusCode === 503 && body === 'no healthy upstream' ? 'none' : body))
    })
    sent.on('error', reject)
    sent.end()
  })
}

describe.each(Object.keys(POLICIES))('%s: keys land where Envoy puts them', (kind) => {
  test.each(ALL.filter((one) => one.kind === kind).map(({ name, one }) => [one.name, name] as const))(
    '%s',
    async (_, name) => {
      const message = fromJson(ClusterSchema, clusters.find((one) => one['name'] === name)!, {
        registry: fullRegistry(),
      })
      const cluster = new Cluster(
        { ...readCluster(message).config, ...readAssignment(message.loadAssignment!) },
        () => undefined,
      )
      const ours = KEYS.map((key) => {
        const hash = { lo: 0, hi: 0 }
        hashInto(Buffer.from(key), hash)
        return cluster.pick(true, hash.lo, hash.hi, 0, null)?.key ?? 'none'
      })
      const theirs: string[] = []
      for (const key of KEYS) theirs.push(await ask(name, key))
      expect(ours).toEqual(theirs)
    },
  )
})
