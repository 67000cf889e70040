import { once } from 'node:events'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encode, GameClient, Kind, splitter } from '../dataplane/game.ts'
import { type ControlPlane, startControlPlane, startEnvoyClient } from '../helpers/control-plane.ts'
import type { TestEnvoy } from '../helpers/envoy.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { freePorts } from '../helpers/ports.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { Bed, type ManagedProxy, managedProxy } from './bed.ts'

/** A server at one address that speaks HTTP to Envoy and the game protocol to the message proxy, and says its name in both. */
async function server(name: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    let http = ''
    const game = splitter((frame) => socket.write(encode({ ...frame, kind: Kind.response, body: name })))
    socket.on('data', (chunk) => {
      if (http === '' && chunk[0] === 0) return game(chunk)
      http += chunk
      for (let end = http.indexOf('\r\n\r\n'); end >= 0; end = http.indexOf('\r\n\r\n')) {
        http = http.slice(end + 4) || ' '
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${name.length}\r\n\r\n${name}`)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stopAfterTests(async () => server.close())
  return (server.address() as { port: number }).port
}

interface Endpoint {
  readonly port: number
  readonly weight?: number
  readonly zone?: string
}

const locality = { region: 'r', zone: 'a', subZone: '' }
const bed = new Bed()
let ports: number[]
let edges: { readonly http: number; readonly game: number }
let plane: ControlPlane
let envoy: TestEnvoy
let managed: ManagedProxy

function yaml(endpoints: readonly Endpoint[], distribute?: string): string {
  const lines = (kind: string) =>
    endpoints.map(
      ({ port, weight, zone }) =>
        `    - {address: 127.0.0.1, ports: {${kind}: ${port}}, weight: ${weight ?? 1}${zone ? `, locality: r/${zone}` : ''}}`,
    )
  const service = (kind: 'http' | 'game', number: number) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${kind}}
spec:
  hosts: [${kind}.test]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: ${number}, name: ${kind}, protocol: ${kind === 'http' ? 'HTTP' : 'TCP'}}]
  endpoints:
${lines(kind).join('\n')}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${kind}}
spec:
  host: ${kind}.test
  trafficPolicy:
    loadBalancer:
      consistentHash: {httpHeaderName: ${kind === 'http' ? 'x-uid' : 'uid'}}
${distribute ? `      localityLbSetting: {enabled: true, distribute: [{from: "r/*", to: ${distribute}}]}` : ''}
---`
  return `${service('http', 8001)}${service('game', 8003)}
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers:
    - {port: {number: ${edges.http}, name: http, protocol: HTTP}, bind: 127.0.0.1, hosts: ["*"]}
    - {port: {number: ${edges.game}, name: game-edge, protocol: TCP}, bind: 127.0.0.1, hosts: ["*"]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: http}
spec: {hosts: ["http.test"], gateways: [edge], http: [{route: [{destination: {host: http.test}}]}]}
---
apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: {name: game}
spec: {msgid: 1, svrName: game.test, hashKey: uid}
`
}

const keys = Array.from({ length: 300 }, (_, n) => BigInt(n) * 1_000_000_007n)

function askEnvoy(uid: bigint): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'http.test', 'x-uid': String(uid) }
    const sent = request({ host: '127.0.0.1', port: edges.http, headers, agent: false }, (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => resolve(`${response.statusCode} ${body}`))
    })
    sent.on('error', reject)
    sent.end()
  })
}

/** Where the keys land, through Envoy and through the message proxy. */
async function landings(): Promise<{ envoy: string[]; ours: string[] }> {
  const client = new GameClient(edges.game)
  bed.defer(() => client.close())
  const found = { envoy: [] as string[], ours: [] as string[] }
  for (const [seq, uid] of keys.entries()) {
    found.envoy.push(await askEnvoy(uid))
    found.ours.push(`200 ${(await client.ask({ msgid: 1, seq, uid })).body}`)
  }
  client.close()
  return found
}

async function apply(endpoints: readonly Endpoint[], distribute?: string): Promise<void> {
  await plane.apply(yaml(endpoints, distribute))
  const wanted = endpoints.map(({ port, weight = 1 }) => `${port}=${weight}`).sort()
  await managed.inForce(({ clusters }) => {
    const there = clusters[0]?.localities.flatMap((group) =>
      // An endpoint that was removed stays for a while as draining, and gets no new requests.
      group.endpoints
        .filter(({ health }) => health !== 'draining')
        .map(({ address, weight }) => `${'port' in address ? address.port : ''}=${weight ?? 1}`),
    )
    return String(there?.sort()) === String(wanted)
  })
}

beforeAll(async () => {
  ports = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(server))
  const [http, game] = (await freePorts(2)) as [number, number]
  edges = { http, game }
  plane = await startControlPlane(yaml(ports.map((port) => ({ port }))))
  envoy = await startEnvoyClient(plane, 'delta', {
    id: 'router~127.0.0.1~edge.default~default.svc.cluster.local',
    locality,
  })
  managed = await managedProxy(bed, plane.port, {
    node: { id: 'message~127.0.0.1~edge.default~default.svc.cluster.local', cluster: 'edge', locality },
  })
  await managed.inForce(({ routes }) => routes.some(({ routes: list }) => list.length > 0))
  await comesTrue(() => managed.proxy.configuration.listeners.length > 0, 'a listener')
})
afterAll(() => bed.close())

describe('the same keys through Envoy by a header and through the message proxy by a field', () => {
  it.each<[string, () => readonly Endpoint[], string?]>([
    ['five hosts', () => ports.map((port) => ({ port }))],
    ['weights', () => ports.map((port, n) => ({ port, weight: n + 1 }))],
    ['a host removed', () => ports.slice(1).map((port) => ({ port }))],
    ['two removed, weights changed', () => ports.slice(2).map((port, n) => ({ port, weight: 10 - 3 * n }))],
    [
      'localities with weights',
      () => ports.map((port, n) => ({ port, zone: n < 2 ? 'a' : 'b' })),
      '{"r/a/*": 70, "r/b/*": 30}',
    ],
    ['one host', () => ports.slice(0, 1).map((port) => ({ port }))],
  ])('%s: the same hosts', async (_, endpoints, distribute) => {
    await apply(endpoints(), distribute)
    const { envoy: wanted, ours } = await landings()
    expect(ours).toEqual(wanted)
    expect(new Set(wanted).size).toBe(endpoints().length)
    expect(await envoy.rejected()).toEqual({})
  })
})
