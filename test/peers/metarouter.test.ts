import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, type TestContext } from 'vitest'
import type { RateLimitSpec } from '../../controlplane/config/kinds/rate-limit.ts'
import { createRateLimits } from '../../controlplane/ratelimit/index.ts'
import { casesFolder } from '../helpers/cases.ts'
import { type ControlPlane, startControlPlane } from '../helpers/control-plane.ts'
import { eventually } from '../helpers/eventually.ts'
import { freePorts } from '../helpers/ports.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { dubboPeer, javaCalls, nodeCalls } from './dubbo-peer.ts'
import { type Mesh, startMesh } from './mesh.ts'
import { npmFolder } from './packages.ts'
import { nodeThriftClient, nodeThriftServer, type ThriftClient } from './thrift.ts'

/**
 * Documents of Aeraki's demos and end-to-end tests as they stand, in a folder of `meshgate serve`, with `meshgate proxy` and real programs:
 * what its documentation and tests say must come of them.
 */

const folder = casesFolder('metarouter')
const written = (file: string) => readFileSync(join(folder!, `${file}.yaml`), 'utf8')

const THRIFT = 'thrift-sample-server.meta-thrift.svc.cluster.local'
const DUBBO = 'org.apache.dubbo.samples.basic.api.demoservice'

/** A service of a protocol in Aeraki's naming, with the versions v1 and v2. */
const service = (name: string, namespace: string, host: string, port: number, [v1, v2]: readonly [number, number]) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  hosts: [${host}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: ${port}, name: tcp-metaprotocol-${name}, protocol: TCP}]
  endpoints:
    - {address: 127.0.0.1, ports: {tcp-metaprotocol-${name}: ${v1}}, labels: {version: v1}}
    - {address: 127.0.0.1, ports: {tcp-metaprotocol-${name}: ${v2}}, labels: {version: v2}}
`
const subsets = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: thrift, namespace: meta-thrift}
spec:
  host: ${THRIFT}
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
`

let mesh: Mesh
let thriftPort = 0
let dubboPort = 0
let missing: string | undefined

beforeAll(async () => {
  if (!folder) return
  try {
    await Promise.all([npmFolder(), dubboPeer.prepare()])
  } catch (error) {
    if (process.env['CI']) throw error
    missing = (error as Error).message
    process.stderr.write(`\nSKIPPED: MetaRouter: ${missing}\n`)
    return
  }
  ;[thriftPort, dubboPort] = (await freePorts(2)) as [number, number]
  const limits = createRateLimits({ documents: () => plane.mesh.model.world.all<RateLimitSpec>('RateLimit') })
  stopAfterTests(() => limits.stop())
  const plane: ControlPlane = await startControlPlane(
    `
apiVersion: meshgate.io/v1
kind: RateLimit
metadata: {name: production}
spec: {domain: production, limits: [{descriptor: [{key: method, value: sayHello}], tokenBucket: {maxTokens: 3, fillInterval: 1h}}]}`,
    { services: [limits.service] },
  )
  const thrift = [await nodeThriftServer('v1', []), await nodeThriftServer('v2', [])] as const
  mesh = await startMesh({
    'thrift.yaml': service('thrift', 'meta-thrift', THRIFT, thriftPort, thrift),
    'subsets.yaml': subsets,
    'dubbo.yaml': service('dubbo', 'meta-dubbo', DUBBO, dubboPort, await dubboPeer.servers()),
    'dubbo-subsets.yaml': written('demo__metaprotocol-dubbo__destinationrule'),
    'limits.yaml': `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: rate-limit-server, namespace: meta-thrift}
spec:
  hosts: [rate-limit-server.meta-thrift.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 8081, name: grpc, protocol: GRPC}]
  endpoints: [{address: 127.0.0.1, ports: {grpc: ${plane.port}}}]
`,
  })
}, 300_000)

const ready = ({ skip }: TestContext) => {
  if (!folder || missing) skip(missing ?? 'no cases')
}

describe.sequential('MetaRouter documents of Aeraki, Thrift', () => {
  const connect = async (): Promise<ThriftClient> => {
    const client = await nodeThriftClient(thriftPort, 'binary')
    stopAfterTests(async () => client.close())
    return client
  }
  const hello = async (client: ThriftClient, count: number, method = 'sayHello') => {
    const texts: string[] = []
    for (let n = 0; n < count; n++) {
      const answer = await client.call(method, `${n}`)
      texts.push('text' in answer ? answer.text.slice(0, 2) : 'error')
    }
    return texts
  }

  it('metarouter-v2: the method goes to v2, whatever the route is called; others get an error', async (test) => {
    ready(test)
    await mesh.write('router.yaml', written('demo__metaprotocol-thrift__metarouter-v2'))
    const client = await connect()
    await eventually(async () => expect(await hello(client, 5)).toEqual(Array(5).fill('v2')))
    expect(await hello(client, 1, 'sayGoodbye')).toEqual(['error'])
  })

  it('traffic-split: about a fifth to v1', async (test) => {
    ready(test)
    await mesh.write('router.yaml', written('demo__metaprotocol-thrift__traffic-split'))
    const client = await connect()
    await eventually(async () => expect(await hello(client, 20)).toContain('v1'))
    const share = (await hello(client, 40)).filter((version) => version === 'v1').length
    expect(share).toBeGreaterThanOrEqual(4)
    expect(share).toBeLessThanOrEqual(12)
  })

  it('metarouter-local-ratelimit: two calls of the method in 30 s', async (test) => {
    ready(test)
    await mesh.write('router.yaml', written('demo__metaprotocol-thrift__metarouter-local-ratelimit'))
    const client = await connect()
    await eventually(async () => expect(await hello(client, 1)).toEqual(['error']))
    const dump = await (await fetch(`${mesh.adminUrl}/stats`)).text()
    expect(dump).toMatch(/envoy_listener_downstream_rq_rate_limited.*: [1-9]/)
  })

  it('metarouter-global-ratelimit: the service of the domain decides; without an answer calls are refused', async (test) => {
    ready(test)
    await mesh.write('router.yaml', written('demo__metaprotocol-thrift__metarouter-global-ratelimit'))
    const client = await connect()
    await eventually(async () => expect(await hello(client, 1, 'other')).toEqual([expect.stringMatching(/^v/)]))
    // 100 ms may pass on a busy machine before the first answer: such calls are refused as well.
    const answers = await hello(client, 20)
    expect(answers.filter((answer) => answer !== 'error').length).toBeLessThanOrEqual(3)
    expect(answers.slice(-5)).toEqual(Array(5).fill('error'))
    expect(await hello(client, 5, 'other')).toEqual(Array(5).fill(expect.stringMatching(/^v/)))
    const dump = await (await fetch(`${mesh.adminUrl}/stats`)).text()
    expect(dump).toMatch(/meshgate_route_ratelimit_over_limit\{.*: [1-9]/)
  })

  it('consistent-hash-lb: calls of one method reach one endpoint', async (test) => {
    ready(test)
    await mesh.write('router.yaml', written('demo__metaprotocol-thrift__consistent-hash-lb__destinationrule'))
    const client = await connect()
    await eventually(async () => {
      for (const method of ['sayHello', 'sayGoodbye', 'a', 'b', 'c'])
        expect(new Set(await hello(client, 10, method)).size).toBe(1)
    })
  })
})

describe.sequential('MetaRouter documents of Aeraki, Dubbo', () => {
  it('traffic-splitting: about a fifth to v1', async (test) => {
    ready(test)
    await mesh.write('dubbo-router.yaml', written('test__e2e__metaprotocol__metarouter-traffic-splitting'))
    await eventually(async () =>
      expect(await nodeCalls(dubboPort, 'half', 'x')).toEqual([expect.stringMatching(/^= /)]),
    )
    const lines = await nodeCalls(dubboPort, 'half', '', 40)
    const share = lines.filter((line) => line.startsWith('= a:')).length
    expect(lines).toHaveLength(40)
    expect(share).toBeGreaterThanOrEqual(4)
    expect(share).toBeLessThanOrEqual(12)
  })

  it('header-mutation: the provider sees attachments that the consumer did not send', {
    timeout: 120_000,
  }, async (test) => {
    ready(test)
    await mesh.write('dubbo-router.yaml', written('demo__metaprotocol-dubbo__metarouter-header-mutation'))
    await eventually(
      async () => expect(await javaCalls(dubboPort, 'attachment', 'foo,foo1')).toEqual(['= bar', '= bar1']),
      { withinMs: 90_000, everyMs: 200 },
    )
  })

  it('traffic-mirroring: the caller hears v1 alone', async (test) => {
    ready(test)
    await mesh.write('dubbo-router.yaml', written('demo__metaprotocol-dubbo__traffic-mirroring'))
    await eventually(async () =>
      expect(await nodeCalls(dubboPort, 'half', '', 10)).toEqual(Array.from({ length: 10 }, (_, n) => `= a:${n + 1}`)),
    )
    const dump = await (await fetch(`${mesh.adminUrl}/stats`)).text()
    expect(dump).toMatch(/upstream_rq_mirrored\{envoy_cluster_name="outbound\|\d+\|v2\|org.apache[^"]*"\}: [1-9]/)
  })
})
