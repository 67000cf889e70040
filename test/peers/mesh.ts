import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect } from 'vitest'
import type { Configuration } from '../../dataplane/configuration.ts'
import { PROGRAM } from '../helpers/compiled.ts'
import { eventually } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePort } from '../helpers/ports.ts'
import { type RunningProcess, spawnForTest } from '../helpers/processes.ts'
import { serveChild } from '../helpers/serve.ts'

/** A control plane and a message proxy as processes of their own, configured by a folder of YAML alone. */
export interface Mesh {
  /** Where the proxy's admin interface answers: `http://127.0.0.1:<port>`. */
  readonly adminUrl: string
  readonly proxy: RunningProcess
  /** Writes the file and waits until the proxy has a configuration of it in force. */
  write(name: string, yaml: string): Promise<void>
}

/** Starts both on the files and waits until the proxy has a configuration in force. */
export async function startMesh(files: Readonly<Record<string, string>>): Promise<Mesh> {
  const folder = testFolder('peers')
  for (const [name, yaml] of Object.entries(files)) await writeFile(join(folder, name), yaml)
  const { xdsPort } = await serveChild(folder)
  const admin = await freePort()
  let inForce = 0
  let said = ''
  const proxy = await spawnForTest({
    command: process.execPath,
    args: [
      [...PROGRAM, 'proxy'],
      ['--node', 'message~127.0.0.1~edge.default~default.svc.cluster.local'],
      ['--xds', `127.0.0.1:${xdsPort}`, '--admin', `127.0.0.1:${admin}`, '--drain-time', '1'],
    ].flat(),
    cwd: folder,
    onLine: (line) => {
      said = `${said}${line}\n`.slice(-4000)
      if (line.includes('configuration in force')) inForce++
    },
  })
  const next = (after: number) => eventually(() => expect(inForce, said).toBeGreaterThan(after), { withinMs: 90_000 })
  await next(0)
  return {
    adminUrl: `http://127.0.0.1:${admin}`,
    proxy,
    async write(name, yaml) {
      const before = inForce
      await writeFile(join(folder, name), yaml)
      await next(before)
    },
  }
}

/** A protocol with real programs that speak it. */
export interface Peer {
  readonly protocol: string
  /** The Protocol document of one that does not come with the package. */
  document?(): Promise<string>
  /** MsgRouters by name: the inside of `spec`. The host is `echo.<protocol>` with the subsets a and b. */
  readonly rules: Readonly<Record<string, string>>
  /** Fetches or finds the programs. @throws Error saying what is missing */
  prepare(): Promise<unknown>
  /** Starts the servers a and b. @returns their ports */
  servers(): Promise<readonly [number, number]>
  /** Declares the tests; `edge()` is the port of the proxy. */
  tests(edge: () => number): void
}

/**
 * Declares the tests of protocols whose messages all pass through one proxy. A protocol whose programs cannot be had is skipped loudly on a
 * developer's machine; in CI it is a failure.
 */
export async function describePeers(all: readonly Peer[]): Promise<void> {
  const peers: Peer[] = []
  for (const peer of all) {
    try {
      await peer.prepare()
      peers.push(peer)
    } catch (error) {
      if (process.env['CI']) throw error
      process.stderr.write(`\nSKIPPED: ${peer.protocol}: ${(error as Error).message}\n`)
      describe.skip(peer.protocol, () => peer.tests(() => 0))
    }
  }
  if (peers.length === 0) return
  const edges = new Map<string, number>()
  beforeAll(async () => {
    const files = await Promise.all(
      peers.map(async (peer) => {
        const edge = await freePort()
        edges.set(peer.protocol, edge)
        const document = await peer.document?.()
        const yaml = await peerYaml(peer, edge, await peer.servers())
        return [`${peer.protocol}.yaml`, document === undefined ? yaml : `${document}\n---${yaml}`]
      }),
    )
    const { adminUrl } = await startMesh(Object.fromEntries(files))
    const wanted = peers.flatMap(({ protocol, rules }) => Object.keys(rules).map((name) => `${protocol}-${name}`))
    await eventually(
      async () => {
        const dump = (await (await fetch(`${adminUrl}/config_dump`)).json()) as Configuration
        const there = dump.routes.flatMap(({ routes }) => routes.map(({ name }) => name))
        expect(there).toEqual(expect.arrayContaining(wanted))
      },
      { withinMs: 60_000, everyMs: 200 },
    )
  })
  for (const { protocol, tests } of peers) describe(protocol, () => tests(() => edges.get(protocol)!))
}

async function peerYaml({ protocol, rules }: Peer, edge: number, servers: readonly [number, number]): Promise<string> {
  const number = await freePort()
  const host = `echo.${protocol}`
  const routers = Object.entries(rules).map(
    ([name, spec]) => `---
apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: {name: ${protocol}-${name}}
spec: {gateways: [${protocol}], ${spec}}
`,
  )
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${protocol}}
spec:
  hosts: [${host}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: ${number}, name: ${protocol}, protocol: TCP}]
  endpoints:
    - {address: 127.0.0.1, ports: {${protocol}: ${servers[0]}}, labels: {version: a}}
    - {address: 127.0.0.1, ports: {${protocol}: ${servers[1]}}, labels: {version: b}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${protocol}}
spec:
  host: ${host}
  subsets: [{name: a, labels: {version: a}}, {name: b, labels: {version: b}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ${protocol}}
spec:
  servers:
    - {port: {number: ${edge}, name: ${protocol}-edge, protocol: TCP}, bind: 127.0.0.1, hosts: ["*"]}
${routers.join('')}`
}

/**
 * Rules for calls of procedures, where each method has a fate; `field` is where the protocol keeps the method.
 * `toA` and `toB` are routed, `half` is split, `refused` gets a fault, `slow` runs out of time; others have no route.
 */
export function callRules(
  protocol: string,
  field = 'method',
  value = (method: string) => method,
): Record<string, string> {
  const host = `echo.${protocol}`
  const to = (subset: string, weight: number) => `{destination: {host: ${host}, subset: ${subset}}, weight: ${weight}}`
  return {
    a: `match: [{${field}: ${value('toA')}}], svrName: ${host}, subset: a`,
    b: `match: [{${field}: ${value('toB')}}], svrName: ${host}, subset: b`,
    half: `match: [{${field}: ${value('half')}}], route: [${to('a', 50)}, ${to('b', 50)}]`,
    refused: `match: [{${field}: ${value('refused')}}], svrName: ${host}, fault: {abort: {percentage: {value: 100}, message: not today}}`,
    slow: `match: [{${field}: ${value('slow')}}], svrName: ${host}, timeout: 0.3s`,
  }
}

/** 200 throws of a fair coin: each side more than 60 times but once in ten million. */
export function expectFairShare(names: readonly string[]): void {
  const a = names.filter((name) => name === 'a').length
  expect(names.length).toBe(200)
  expect(a).toBeGreaterThan(60)
  expect(a).toBeLessThan(140)
}
