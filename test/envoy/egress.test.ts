import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testCa } from '../helpers/certificates.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { testFolder } from '../helpers/folders.ts'
import { meshSettings } from '../helpers/mesh-yaml.ts'
import { freePorts } from '../helpers/ports.ts'
import { ask, type HttpMesh } from './http-mesh.ts'
import { handshake, networking, startMesh } from './tcp-bed.ts'

const GATEWAY = 'egress.gateways.svc.cluster.local'

/** What Istio's tasks on traffic that leaves the mesh come to: https://istio.io/latest/docs/tasks/traffic-management/egress/ */
describe('traffic that leaves the mesh', () => {
  let sidecar: HttpMesh
  let gateway: HttpMesh
  let plain: Upstream
  let secure: Upstream
  let other: Upstream
  let http: number
  let sni: number
  let ca: Awaited<ReturnType<typeof testCa>>

  beforeAll(async () => {
    ca = await testCa()
    const authority = join(testFolder('egress'), 'ca.pem')
    await writeFile(authority, ca.cert)
    const certificate = (name: string) => ca.issue(name, { dns: ['*.shop.test'] })
    ;[plain, secure, other] = await Promise.all([
      startEcho('plain'),
      startEcho('secure', { tls: await certificate('secure') }),
      startEcho('other', { tls: await certificate('other') }),
    ])
    const [own, tls, egressHttp, egressTls] = (await freePorts(4)) as [number, number, number, number]
    http = own
    sni = tls
    const service = (name: string, host: string, ports: readonly string[], resolution = 'STATIC') =>
      networking(
        'ServiceEntry',
        name,
        `{hosts: ["${host}"], ports: [${ports.join(', ')}], resolution: ${resolution}, endpoints: [{address: 127.0.0.1}]}`,
      )
    const port = (number: number, name: string, protocol: string, target: number) =>
      `{number: ${number}, name: ${name}, protocol: ${protocol}, targetPort: ${target}}`
    const simple = `tls: {mode: SIMPLE, caCertificates: ${authority}}`
    const toGateway = (number: number) =>
      `route: [{destination: {host: ${GATEWAY}, subset: out, port: {number: ${number}}}}]`
    const to = (host: string, number: number) => `route: [{destination: {host: ${host}, port: {number: ${number}}}}]`
    const through = 'headers: {request: {set: {x-through: egress}}}'
    const httpRule = (host: string, number: number) =>
      `{hosts: [${host}], gateways: [out, mesh], http: [
        {match: [{gateways: [mesh], port: 80}], ${toGateway(80)}},
        {match: [{gateways: [out], port: ${egressHttp}}], ${through}, ${to(host, number)}}]}`
    const tlsRule = (host: string, destination: string) =>
      `{hosts: ["${host}"], gateways: [mesh, out], tls: [
        {match: [{gateways: [mesh], port: ${sni}, sniHosts: ["${host}"]}], ${toGateway(sni)}},
        {match: [{gateways: [out], port: ${egressTls}, sniHosts: ["${host}"]}], ${to(destination, sni)}}]}`
    const yaml = [
      meshSettings(`httpPort: ${http}`),
      service('egress', GATEWAY, [port(80, 'http', 'HTTP', egressHttp), port(sni, 'tls', 'TLS', egressTls)]),
      networking('DestinationRule', 'egress', `{host: ${GATEWAY}, subsets: [{name: out}]}`),
      networking(
        'Gateway',
        'out',
        `{selector: {istio: egressgateway}, servers: [
          {port: {number: ${egressHttp}, name: http, protocol: HTTP}, hosts: [news.shop.test, legacy.shop.test]},
          {port: {number: ${egressTls}, name: tls, protocol: TLS}, hosts: ["*.shop.test"], tls: {mode: PASSTHROUGH}}]}`,
      ),
      service(
        'news',
        'news.shop.test',
        [port(80, 'http', 'HTTP', plain.port), port(sni, 'tls', 'TLS', secure.port)],
        'DNS',
      ),
      networking('VirtualService', 'news', httpRule('news.shop.test', 80)),
      networking('VirtualService', 'news-tls', tlsRule('news.shop.test', 'news.shop.test')),
      service('any', '*.shop.test', [port(sni, 'tls', 'TLS', other.port)]),
      service('one', 'one.shop.test', [port(sni, 'tls', 'TLS', secure.port)]),
      networking('VirtualService', 'any', tlsRule('*.shop.test', 'one.shop.test')),
      service('legacy', 'legacy.shop.test', [
        port(80, 'http', 'HTTP', plain.port),
        port(443, 'https', 'HTTPS', secure.port),
      ]),
      networking('VirtualService', 'legacy', httpRule('legacy.shop.test', 443)),
      networking(
        'DestinationRule',
        'legacy',
        `{host: legacy.shop.test, trafficPolicy: {portLevelSettings: [{port: {number: 443}, ${simple}}]}}`,
      ),
      service('direct', 'direct.shop.test', [port(80, 'http', 'HTTP', secure.port)]),
      networking(
        'DestinationRule',
        'direct',
        `{host: direct.shop.test, trafficPolicy: {portLevelSettings: [{port: {number: 80}, ${simple}}]}}`,
      ),
    ].join('---\n')
    gateway = await startMesh({
      ...{ mode: 'delta', yaml, id: 'router~127.0.0.1~egress.default~default.svc.cluster.local' },
      labels: { istio: 'egressgateway' },
    })
    sidecar = await startMesh({ mode: 'delta', yaml, id: 'sidecar~127.0.0.1~sleep.default~default.svc.cluster.local' })
  })
  afterAll(async () => {
    await sidecar?.stop()
    await gateway?.stop()
    for (const upstream of [plain, secure, other]) await upstream.stop()
  })

  const eventuallyFrom = (host: string) =>
    expect.poll(async () => (await ask(http, host, '/politics')).upstream, { message: host })

  test('HTTP goes by way of the egress gateway', async () => {
    await eventuallyFrom('news.shop.test').toBe('plain')
    const { seen } = await ask(http, 'news.shop.test', '/politics')
    expect(seen).toMatchObject({ path: '/politics', headers: { host: 'news.shop.test', 'x-through': 'egress' } })
  })

  test('HTTP that a program sends becomes TLS at the egress gateway', async () => {
    await eventuallyFrom('legacy.shop.test').toBe('secure')
    const { seen } = await ask(http, 'legacy.shop.test', '/politics')
    expect(seen).toMatchObject({ headers: { 'x-through': 'egress' }, tls: { serverName: 'legacy.shop.test' } })
  })

  test('HTTP that a program sends becomes TLS at its sidecar', async () => {
    await eventuallyFrom('direct.shop.test').toBe('secure')
    const { seen } = await ask(http, 'direct.shop.test')
    expect(seen.tls?.serverName).toBe('direct.shop.test')
    expect(seen.headers['x-through']).toBeUndefined()
  })

  test('TLS of a program goes by way of the egress gateway, by its SNI; a wildcard leads to the host the gateway names', async () => {
    const subject = (servername: string) =>
      handshake(sni, { servername, ca: ca.cert }).then(
        (found) => found.subject,
        (error: Error) => error.message,
      )
    await expect.poll(() => subject('news.shop.test')).toBe('secure')
    // The service itself is at `other`: who is there came past the gateway.
    await expect.poll(() => subject('anything.shop.test')).toBe('secure')
  })
})
