import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testCa } from '../helpers/certificates.ts'
import { startEcho, startTcpEcho, type Upstream } from '../helpers/echo.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePorts } from '../helpers/ports.ts'
import { type HttpMesh, MODES } from './http-mesh.ts'
import { handshake, networking, startMesh, tallyConnections, tcpService, who } from './tcp-bed.ts'

const NODE = 'sidecar~127.0.0.1~caller.default~default.svc.cluster.local'

/** Five standard deviations of a binomial share: a right split fails once in two million runs. */
const around = (count: number, share: number) => {
  const spread = 5 * Math.sqrt(count * share * (1 - share))
  return [count * share - spread, count * share + spread] as const
}

describe.each(MODES)('TCP at a sidecar, %s', (mode) => {
  let mesh: HttpMesh
  let folder: string
  let v1: Upstream
  let v2: Upstream
  let ca: Awaited<ReturnType<typeof testCa>>
  let ports: readonly number[]
  let yaml: (weights: readonly [number, number]) => string
  /** Ports of the sidecar, in the order they are named below. */
  const port = (name: (typeof NAMES)[number]) => ports[NAMES.indexOf(name)]!
  const NAMES = [
    'split',
    'first',
    'second',
    'tls',
    'both',
    'bound',
    'unused',
    'gone',
    'labels',
    'dynamic',
    'named',
    'own',
  ] as const

  beforeAll(async () => {
    folder = testFolder('tcp')
    ca = await testCa()
    const certificate = (name: string) => ca.issue(name, { dns: ['*.tls.test', '*.wild.test', 'both.test'] })
    const [one, two] = await Promise.all([
      startEcho('one', { tls: await certificate('one') }),
      startEcho('two', { tls: await certificate('two') }),
    ])
    ;[v1, v2, ports] = await Promise.all([startTcpEcho('v1'), startTcpEcho('v2'), freePorts(NAMES.length)])
    const subsets = 'subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]'
    const both = [
      { port: v1.port, version: 'v1' },
      { port: v2.port, version: 'v2' },
    ]
    const to = (host: string, subset = '') =>
      `{destination: {host: ${host}${subset && `, subset: ${subset}`}, port: {number: ${port('split')}}}}`
    yaml = (weights) =>
      [
        'apiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {httpPort: 0}\n',
        tcpService('split.test', port('split'), both),
        networking('DestinationRule', 'split', `{host: split.test, ${subsets}}`),
        networking(
          'VirtualService',
          'split',
          `{hosts: [split.test], tcp: [{route: [${weights
            .map((weight, index) => `{destination: {host: split.test, subset: v${index + 1}}, weight: ${weight}}`)
            .join(', ')}]}]}`,
        ),
        // One host, two ports, a rule for one of them.
        `---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: ports}\nspec:
  hosts: [ports.test]
  resolution: STATIC
  location: MESH_INTERNAL
  ports: [{number: ${port('first')}, name: first, protocol: TCP}, {number: ${port('second')}, name: second, protocol: TCP}]
  endpoints: [{address: 127.0.0.1, ports: {first: ${v1.port}, second: ${v1.port}}}]\n`,
        networking(
          'VirtualService',
          'ports',
          `{hosts: [ports.test], tcp: [{match: [{port: ${port('second')}}], route: [${to('split.test', 'v2')}]}]}`,
        ),
        tcpService('labels.test', port('labels'), [{ port: v1.port }]),
        networking(
          'VirtualService',
          'labels',
          `{hosts: [labels.test], tcp: [{match: [{sourceLabels: {app: other}}], route: [{destination: {host: nowhere.test}}]}, ` +
            `{match: [{sourceLabels: {app: caller}}], route: [${to('split.test', 'v2')}]}]}`,
        ),
        tcpService('one.tls.test', port('tls'), [one], { protocol: 'TLS' }),
        tcpService('two.tls.test', port('tls'), [two], { protocol: 'TLS' }),
        networking(
          'VirtualService',
          'sni',
          `{hosts: [one.tls.test, moved.tls.test, "*.wild.test"], tls: [{match: [{sniHosts: [moved.tls.test, "*.wild.test"], port: ${port('tls')}}], ` +
            `route: [{destination: {host: two.tls.test}}]}]}`,
        ),
        tcpService('both.test', port('both'), [one], { protocol: 'TLS' }),
        tcpService('plain.test', port('both'), [{ port: v1.port }]),
        tcpService('gone.test', port('gone'), [{ port: v1.port }]),
        networking(
          'ServiceEntry',
          'dynamic',
          `{hosts: ["*.localhost"], resolution: DYNAMIC_DNS, ports: [{number: ${port('dynamic')}, name: tls, protocol: TLS, targetPort: ${one.port}}]}`,
        ),
        networking(
          'ServiceEntry',
          'named',
          `{hosts: [localhost], resolution: NONE, ports: [{number: ${port('named')}, name: tcp, protocol: TCP, targetPort: ${v1.port}}]}`,
        ),
        tcpService('own.test', port('own'), [{ port: port('own') }]),
        networking(
          'VirtualService',
          'gone',
          '{hosts: [gone.test], tcp: [{route: [{destination: {host: nobody.test, port: {number: 1}}}]}]}',
        ),
      ].join('')
    mesh = await startMesh({
      mode,
      yaml: yaml([75, 25]),
      id: NODE,
      labels: { app: 'caller' },
      errors: ['HOST_NOT_FOUND'],
    })
  })
  afterAll(async () => {
    await mesh.stop()
  })

  const serverOf = async (servername: string, name: 'tls' | 'both' = 'tls') =>
    (await handshake(port(name), { servername, ca: ca.cert })).subject

  test('connections are split by weight', async () => {
    const count = 2000
    const { v1: first = 0, v2: second = 0 } = await tallyConnections(count, port('split'))
    expect(first + second).toBe(count)
    const [least, most] = around(count, 0.75)
    expect(first).toBeGreaterThan(least)
    expect(first).toBeLessThan(most)
  })

  test('another weight holds for new connections', async () => {
    mesh.apply(yaml([0, 100]))
    await expect.poll(() => tallyConnections(20, port('split'))).toEqual({ v2: 20 })
  })

  test('a rule with a port holds for that port only', async () => {
    expect(await who(port('first'))).toBe('v1')
    expect(await who(port('second'))).toBe('v2')
  })

  test('a rule with source labels holds for workloads that have them', async () => {
    expect(await who(port('labels'))).toBe('v2')
  })

  test('without a rule the SNI of a TLS service leads to it, and its certificate is seen', async () => {
    expect(await serverOf('one.tls.test')).toBe('one')
    expect(await serverOf('two.tls.test')).toBe('two')
  })

  test('a TLS rule leads by SNI, exact and with a wildcard', async () => {
    expect(await serverOf('moved.tls.test')).toBe('two')
    expect(await serverOf('a.wild.test')).toBe('two')
  })

  test.each(['three.tls.test', 'wild.test'])('%s: an SNI nobody declared is closed', async (servername) => {
    await expect(serverOf(servername)).rejects.toThrow()
  })

  test('a TLS service and a TCP service share a port: handshakes go to one, other bytes to the other', async () => {
    expect(await serverOf('both.test', 'both')).toBe('one')
    expect(await who(port('both'))).toBe('v1')
  })

  test('for all names of a domain a handshake leads to the name that it asks for', async () => {
    const trust = { ca: ca.cert, checkServerIdentity: () => undefined }
    expect((await handshake(port('dynamic'), { servername: 'any.localhost', ...trust })).subject).toBe('one')
    await expect(handshake(port('dynamic'), { servername: 'any.tls.test', ...trust })).rejects.toThrow()
    expect(await who(port('dynamic'))).toBe('closed')
  })

  test('a service without endpoints that is one name is at that name', async () => {
    expect(await who(port('named'))).toBe('v1')
  })

  test('a service that is on its own port of loopback is left to who listens there', async () => {
    expect(await who(port('own'))).toBe('closed')
    const own = await startTcpEcho('own', { port: port('own') })
    expect(await who(port('own'))).toBe('own')
    await own.stop()
  })

  test('a rule whose destination does not exist closes connections, and they reach nobody', async () => {
    const before = v1.count
    expect(await who(port('gone'))).toBe('closed')
    expect(v1.count).toBe(before)
  })

  test('a Sidecar listener binds where it says and serves the host it names by its rules; other ports are closed', async () => {
    expect(await who(port('bound'))).toBe('closed')
    const path = join(folder, `${mode}.sock`)
    mesh.apply(
      yaml([100, 0]) +
        networking(
          'Sidecar',
          'caller',
          `{workloadSelector: {labels: {app: caller}}, egress: [
          {bind: 127.0.0.2, port: {number: ${port('bound')}, name: tcp, protocol: TCP}, hosts: ["./labels.test"]},
          {bind: "unix://${path}", port: {number: 0, name: tcp-sock, protocol: TCP}, hosts: ["./plain.test"]}]}`,
        ),
    )
    await expect.poll(() => who(port('bound'), { host: '127.0.0.2' })).toBe('v2')
    expect(await who(port('bound'))).toBe('closed')
    await expect.poll(() => who(0, { path })).toBe('v1')
    await expect.poll(() => who(port('split'))).toBe('closed')
  })
})
