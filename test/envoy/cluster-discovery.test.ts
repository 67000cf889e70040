import { createServer as createHttp } from 'node:http'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { type ClusterBed, clusterOf, MODES, many, rule, service, startClusterBed, tally } from './cluster-bed.ts'

let a: Upstream
let b: Upstream
let socketPath: string
let proxied: { readonly port: number; readonly heads: Buffer[] }

function listen(server: Server, where: number | string): Promise<void> {
  stopAfterTests(async () => server.close())
  return new Promise((resolve) =>
    typeof where === 'string' ? server.listen(where, resolve) : server.listen(where, '127.0.0.1', resolve),
  )
}

/** Answers every connection with one HTTP response and keeps what came first. */
async function startRecorder(): Promise<typeof proxied> {
  const heads: Buffer[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (chunk) => {
      heads.push(chunk)
      socket.end('HTTP/1.1 200 OK\r\nx-echo-name: recorder\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
    })
  })
  await listen(server, 0)
  return { port: (server.address() as { port: number }).port, heads }
}

beforeAll(async () => {
  ;[a, b, proxied] = await Promise.all([startEcho('a'), startEcho('b'), startRecorder()])
  const folder = testFolder('socket')
  socketPath = join(folder, 'shop.sock')
  await listen(
    createHttp((_, response) => response.setHeader('x-echo-name', 'socket').end()),
    socketPath,
  )
})

describe.each(MODES)('endpoints in Envoy, %s', (mode) => {
  let bed: ClusterBed

  const configuration = (pool: readonly Upstream[]) =>
    [
      service('pool', pool),
      service('socket', [`{address: "unix://${socketPath}"}`]),
      service('six', ['{address: "2001:db8::1"}']),
      service('mixed', ['{address: shop.invalid}', a]),
      service('dns', [`{address: localhost, ports: {http: ${a.port}}}`], { resolution: 'DNS' }),
      service('several', [`{address: localhost, ports: {http: ${a.port}}}`, b], { resolution: 'DNS' }),
      service('logical', [`{address: localhost, ports: {http: ${a.port}}}`], { resolution: 'DNS_ROUND_ROBIN' }),
      service('nameless', ['{address: nobody.invalid}'], { resolution: 'DNS' }),
      service('asked', [], { resolution: 'NONE' }),
      service('dialled', [], { resolution: 'NONE', protocol: 'tcp' }),
      service('passed', [a]),
      rule('passed', '{loadBalancer: {simple: PASSTHROUGH}}'),
      service('header', [proxied]),
      rule('header', '{proxyProtocol: {version: V1}}'),
      service('header2', [proxied]),
      rule('header2', '{proxyProtocol: {version: V2}}'),
      service('refused', [a]),
      rule('refused', '{tls: {mode: ISTIO_MUTUAL}}'),
      '---\nkind: Mesh\nmetadata: {name: mesh}\nspec: {drainTime: 0s, outboundTrafficPolicy: {mode: ALLOW_ANY}}\n',
      `---\nkind: Sidecar\nmetadata: {name: s}\nspec: {ingress: [{port: {number: 9080, protocol: HTTP, name: http}, defaultEndpoint: "127.0.0.1:${a.port}"}, {port: {number: 9081, protocol: HTTP, name: x}, defaultEndpoint: "unix://${socketPath}"}]}\n`,
    ].join('')

  beforeAll(async () => {
    bed = await startClusterBed(mode, configuration([a, b]))
  })

  afterAll(async () => {
    expect(await bed.envoy.rejected()).toEqual({})
  })

  const served = async (cluster: string, host?: string) => {
    const reply = await bed.get(cluster, host ? { host } : {})
    return reply.name || reply.flags
  }

  test('every cluster is there', async () => {
    const dump = await bed.envoy.configDump()
    const names = dump['ClustersConfigDump'].dynamic_active_clusters.map(
      (one: { cluster: { name: string } }) => one.cluster.name,
    )
    expect(dump['ClustersConfigDump'].dynamic_warming_clusters).toBeUndefined()
    expect(names).toHaveLength(18)
  })

  test('Unix domain sockets', async () => {
    expect(await served(clusterOf('socket'))).toBe('socket')
  })

  test('IPv6 addresses are hosts; a name among addresses is left out and harms nobody', async () => {
    expect((await bed.hosts(clusterOf('six'))).map((host) => host.address)).toEqual(['2001:db8::1:80'])
    expect(await served(clusterOf('mixed'))).toBe('a')
  })

  test('names are resolved', async () => {
    expect(await served(clusterOf('dns'))).toBe('a')
    expect(await served(clusterOf('logical'))).toBe('a')
    expect(Object.keys(tally(await many(40, () => bed.get(clusterOf('several'))))).sort()).toEqual(['a', 'b'])
    expect(await served(clusterOf('nameless'))).toBe('UH')
  })

  test('resolution NONE and the way to undeclared hosts go where the request asks', async () => {
    expect(await served(clusterOf('asked'), `localhost:${b.port}`)).toBe('b')
    expect(await served('PassthroughCluster', `localhost:${a.port}`)).toBe('a')
  })

  test.each(['dialled', 'passed'])('%s: without capture there is no original destination', async (name) => {
    expect(await served(`outbound|80||${name}.test`)).toBe('UH')
  })

  test('the black hole answers at once', async () => {
    expect(await served('BlackHoleCluster')).toBe('UH')
  })

  test('TLS that cannot be had is refused before anything is sent', async () => {
    const before = a.count
    expect(await served(clusterOf('refused'))).toBe('UH')
    expect(a.count).toBe(before)
  })

  test('the PROXY protocol header comes first', async () => {
    proxied.heads.length = 0
    expect(await served(clusterOf('header'))).toBe('recorder')
    expect(proxied.heads[0]!.toString('latin1')).toMatch(/^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n/)
    expect(await served(clusterOf('header2'))).toBe('recorder')
    expect(proxied.heads[1]!.subarray(0, 12).toString('hex')).toBe('0d0a0d0a000d0a515549540a')
  })

  test('inbound clusters lead to the workload', async () => {
    expect(await served('inbound|9080||')).toBe('a')
    expect(await served('inbound|9081||')).toBe('socket')
  })

  test('endpoints come and go without the cluster being sent again; none is 503, flag UH', async () => {
    const name = clusterOf('pool')
    const updates = () => bed.envoy.stat('cluster_manager.cluster_modified')
    const before = await updates()
    bed.configure(configuration([b]))
    await until(
      () => many(4, () => served(name)),
      (names) => names.every((one) => one === 'b'),
    )
    bed.configure(configuration([]))
    await until(
      () => served(name),
      (one) => one === 'UH',
    )
    bed.configure(configuration([a, b]))
    await until(
      () => many(8, () => served(name)),
      (names) => new Set(names).size === 2,
    )
    expect(await updates()).toBe(before)
  })
})
