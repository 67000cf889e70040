import { createHash, X509Certificate } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect as connectTcp, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { describeClusters } from '../../dataplane/admin/views.ts'
import type { ClusterConfig, ListenerConfig } from '../../dataplane/configuration.ts'
import { encodeProxyHeader, type ProxyHeader, readProxyHeader } from '../../dataplane/listen/proxy-protocol.ts'
import { C, L } from '../../dataplane/stats/counters.ts'
import type { ClientCheck, ServerTls } from '../../dataplane/tls-settings.ts'
import { testCa } from '../helpers/certificates.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { turn } from '../helpers/socket-pair.ts'
import { Bed, byId, encode, endpoints, type GameFrame, gameConfiguration, Kind, splitter } from './game.ts'

const bed = new Bed()
afterEach(() => bed.close())

function one(cluster: Partial<ClusterConfig> & { port?: number }, listener: Partial<ListenerConfig> = {}) {
  const { port = 1, ...rest } = cluster
  return gameConfiguration({
    listener,
    routes: [{ name: 'game', routes: [byId(1, 'a')] }],
    clusters: [{ name: 'a', localities: endpoints(port), balancer: { kind: 'roundRobin' }, ...rest }],
  })
}

const hasIPv6 = new Promise<boolean>((resolve) => {
  const server = createServer()
  server.once('error', () => resolve(false))
  server.listen(0, '::1', () => server.close(() => resolve(true)))
})

/** Sends one request on a socket and waits for the frame that comes. */
function ask(socket: Socket, before: Uint8Array = Buffer.alloc(0)): Promise<GameFrame | undefined> {
  return new Promise((resolve) => {
    socket.on('data', splitter(resolve))
    socket.on('error', () => resolve(undefined))
    socket.on('close', () => resolve(undefined))
    socket.write(Buffer.concat([before, encode({ msgid: 1, seq: 3, body: 'hi' })]))
  })
}

const portOf = (proxy: Awaited<ReturnType<Bed['proxy']>>) => (proxy.address('game') as { port: number }).port

/** An upstream that keeps the first bytes before the first frame apart. */
async function headerServer(bytes: number) {
  const seen: Buffer[] = []
  const server = createServer((socket) => {
    let head = Buffer.alloc(0)
    const frames = splitter((frame) => socket.write(encode({ ...frame, kind: Kind.response })))
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      if (head.length >= bytes) return frames(chunk)
      head = Buffer.concat([head, chunk])
      if (head.length < bytes) return
      seen.push(head.subarray(0, bytes))
      frames(head.subarray(bytes))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  bed.defer(() => server.close())
  return { port: (server.address() as { port: number }).port, seen }
}

describe('TLS', () => {
  it('takes clients by the names and hashes of their certificates, and without one where it may be missing', async () => {
    const ca = await testCa()
    const server = await ca.issue('game', { dns: ['game.local'] })
    const shop = await ca.issue('shop', { uri: ['spiffe://x/shop'], dns: ['*.shop.local'] })
    const other = await ca.issue('shop', { uri: ['spiffe://x/other'] })
    const self = await (await testCa('other')).issue('self', { uri: ['spiffe://x/shop'] })
    const { fingerprint256, publicKey } = new X509Certificate(other.cert)
    const key = createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64')
    const upstream = await bed.server('up')
    /** Which of those who show the first, the second, a stranger's certificate, or none, get an answer. */
    const taken = async (client: ClientCheck) => {
      const tls = { certificate: server.cert, privateKey: server.key, client }
      const proxy = await bed.proxy(one({ port: upstream.port }, { tls }))
      const options = { host: '127.0.0.1', port: portOf(proxy), ca: ca.cert, servername: 'game.local' }
      const asked = [shop, other, self, undefined].map(async (shown) => {
        const socket = connectTls({ ...options, ...(shown && { cert: shown.cert, key: shown.key }) })
        const answer = await ask(socket)
        socket.destroy()
        return answer !== undefined
      })
      return Promise.all(asked)
    }
    const all = { ca: ca.cert }
    expect(await taken(all)).toEqual([true, true, false, false])
    expect(await taken({ ...all, optional: true })).toEqual([true, true, false, true])
    expect(await taken({ ...all, subjectAltNames: ['spiffe://x/shop'] })).toEqual([true, false, false, false])
    expect(await taken({ ...all, subjectAltNames: ['a.shop.local'] })).toEqual([true, false, false, false])
    expect(await taken({ ...all, subjectAltNames: ['shop'] })).toEqual([false, false, false, false])
    expect(await taken({ ...all, insecure: true })).toEqual([true, true, true, false])
    const pins = (certificates: string[], publicKeys: string[]) => ({ pins: { certificates, publicKeys } })
    expect(await taken({ ...all, ...pins([fingerprint256], []) })).toEqual([false, true, false, false])
    expect(await taken({ optional: true, ...pins([], [key]) })).toEqual([false, true, false, true])
  })

  it('keeps to versions and cipher suites', async () => {
    const ca = await testCa()
    const server = await ca.issue('game', { dns: ['game.local'] })
    const upstream = await bed.server('up')
    const talk = async (own: Partial<ServerTls>, client: ConnectionOptions) => {
      const tls = { certificate: server.cert, privateKey: server.key, ...own }
      const proxy = await bed.proxy(one({ port: upstream.port }, { tls }))
      const options = { host: '127.0.0.1', port: portOf(proxy), ca: ca.cert, servername: 'game.local', ...client }
      const socket = connectTls(options)
      const answer = await ask(socket)
      const spoken = answer && [socket.getProtocol(), socket.getCipher().name]
      socket.destroy()
      return spoken
    }
    const suite = 'ECDHE-ECDSA-AES256-GCM-SHA384'
    expect(await talk({ maxVersion: 'TLSv1.2', cipherSuites: [suite] }, {})).toEqual(['TLSv1.2', suite])
    expect(await talk({ cipherSuites: [suite] }, {})).toEqual(['TLSv1.3', expect.stringMatching(/^TLS_/)])
    expect(await talk({ minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.2' })).toBeUndefined()
  })

  it('is terminated, asks for a client certificate where it is told to, and is spoken to upstreams', async () => {
    const ca = await testCa()
    const server = await ca.issue('game', { dns: ['game.local'], ip: ['127.0.0.1'] })
    const client = await ca.issue('client', { uri: ['spiffe://x/client'] })
    const upstream = createTlsServer(
      { cert: server.cert, key: server.key, ca: ca.cert, requestCert: true, rejectUnauthorized: true },
      (socket) => {
        socket.on('error', () => undefined)
        socket.on(
          'data',
          splitter((frame) => socket.write(encode({ ...frame, kind: Kind.response, body: 'secret' }))),
        )
      },
    )
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    bed.defer(() => upstream.close())
    const proxy = await bed.proxy(
      one(
        {
          port: (upstream.address() as { port: number }).port,
          tls: { serverName: 'game.local', ca: ca.cert, certificate: client.cert, privateKey: client.key },
        },
        { tls: { certificate: server.cert, privateKey: server.key, client: { ca: ca.cert } } },
      ),
    )
    const options = { host: '127.0.0.1', port: portOf(proxy), ca: ca.cert, servername: 'game.local' }
    const good = connectTls({ ...options, cert: client.cert, key: client.key })
    expect(String((await ask(good))?.body)).toBe('secret')
    good.destroy()
    const other = await testCa('other')
    const stranger = await other.issue('stranger', {})
    expect(await ask(connectTls({ ...options, cert: stranger.cert, key: stranger.key }))).toBeUndefined()
    expect(await ask(connectTls(options))).toBeUndefined()
    expect(await ask(connectTcp({ host: '127.0.0.1', port: portOf(proxy) }))).toBeUndefined()
    const [listener] = proxy.listeners
    await comesTrue(() => listener!.clients.size + listener!.greeting === 0, 'no connections')
    const counted = [L.downstream_cx_total, L.downstream_cx_destroy, L.ssl_connection_error]
    expect(counted.map((at) => listener!.counters[at])).toEqual([4, 4, 3])
  })

  it('an upstream found by its name is asked for by that, and refused under another', async () => {
    const ca = await testCa()
    const server = await ca.issue('game', { dns: ['game.local'] })
    const asked: unknown[] = []
    const upstream = createTlsServer({ cert: server.cert, key: server.key }, (socket) => {
      asked.push(socket.servername)
      socket.on(
        'data',
        splitter((frame) => socket.write(encode({ ...frame, kind: Kind.response, body: 'secret' }))),
      )
      socket.on('error', () => undefined)
    })
    upstream.on('tlsClientError', () => undefined)
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    bed.defer(() => upstream.close())
    const { port } = upstream.address() as { port: number }
    const names = { family: 'v4', refreshMs: 5000, retryMs: { base: 1000, max: 1000 } } as const
    const at = (host: string) =>
      one({ localities: [{ endpoints: [{ address: { host, port } }] }], names, tls: { ca: ca.cert } })
    const look = async () => [{ address: '127.0.0.1', family: 4 }]
    for (const [host, code] of [
      ['game.local', undefined],
      ['other.local', 3],
    ] as const) {
      const proxy = await bed.proxy(at(host), { look })
      const { body } = await bed.client(proxy).ask({ msgid: 1, seq: 1 })
      expect(code === undefined ? String(body) : body.readUInt32BE()).toBe(code ?? 'secret')
    }
    expect(asked[0]).toBe('game.local')
  })

  it('an upstream whose certificate does not hold the name is refused', async () => {
    const ca = await testCa()
    const server = await ca.issue('game', { dns: ['other.local'] })
    const upstream = createTlsServer({ cert: server.cert, key: server.key }, (socket) => socket.resume())
    upstream.on('tlsClientError', () => undefined)
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    bed.defer(() => upstream.close())
    const { port } = upstream.address() as { port: number }
    for (const tls of [
      { serverName: 'game.local', ca: ca.cert },
      { ca: ca.cert, subjectAltNames: ['game.local'] },
    ]) {
      const proxy = await bed.proxy(one({ port, tls }))
      const reply = await bed.client(proxy).ask({ msgid: 1, seq: 1 })
      expect(reply.body.readUInt32BE()).toBe(3)
      const { counters } = proxy.clusters.get('a')!
      expect([C.upstream_cx_connect_fail, C.upstream_rq_pending_failure_eject].map((at) => counters[at])).toEqual([
        1, 1,
      ])
      expect(counters[C.upstream_rq_rx_reset]).toBe(0)
      // Where people look for the reason.
      expect(describeClusters(proxy)[0]!.hosts[0]!.lastFailure!.reason).toMatch(/game\.local/)
    }
  })
})

describe('Unix sockets and IPv6', () => {
  it('listens on a path and connects to one; a stale socket file is no obstacle', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meshgate-'))
    bed.defer(() => rm(folder, { recursive: true }))
    const path = join(folder, 'up.sock')
    const upstream = createServer((socket) =>
      socket.on(
        'data',
        splitter((frame) => socket.write(encode({ ...frame, kind: Kind.response, body: 'unix' }))),
      ),
    )
    await new Promise<void>((resolve) => upstream.listen(path, resolve))
    bed.defer(() => upstream.close())
    const address = { path: join(folder, 'in.sock') }
    const proxy = await bed.proxy(one({ localities: [{ endpoints: [{ address: { path } }] }] }, { address }))
    const socket = connectTcp(address)
    bed.defer(() => socket.destroy())
    expect(String((await ask(socket))?.body)).toBe('unix')
    const taken = await bed.proxy(gameConfiguration({}))
    const problems = await taken.apply(one({}, { name: 'path', address }))
    expect(problems[0]?.message).toContain('EADDRINUSE')
    expect(proxy.problems).toEqual([])
  })

  it('listens and connects over IPv6', async ({ skip }) => {
    const upstream = createServer((socket) =>
      socket.on(
        'data',
        splitter((frame) => socket.write(encode({ ...frame, kind: Kind.response, body: 'six' }))),
      ),
    )
    if (!(await hasIPv6)) skip('this machine has no IPv6')
    await new Promise<void>((resolve) => upstream.listen(0, '::1', resolve))
    bed.defer(() => upstream.close())
    const { port } = upstream.address() as { port: number }
    const proxy = await bed.proxy(
      one({ localities: [{ endpoints: [{ address: { host: '::1', port } }] }] }, { address: { host: '::1', port: 0 } }),
    )
    const socket = connectTcp({ host: '::1', port: portOf(proxy) })
    bed.defer(() => socket.destroy())
    expect(String((await ask(socket))?.body)).toBe('six')
    expect(proxy.clusters.get('a')!.hosts[0]!.key).toBe(`[::1]:${port}`)
  })
})

const addresses = {
  v4: { source: { host: '10.1.2.3', port: 4567 }, destination: { host: '10.9.8.7', port: 80 } },
  v6: { source: { host: '2001:db8::1', port: 4567 }, destination: { host: '::ffff:0.1.0.2', port: 80 } },
  whole: { source: { host: '1:2:3:4:5:6:7:8', port: 1 }, destination: { host: 'fd00:2:3:4:5:6:7:fffe', port: 2 } },
}

describe('PROXY protocol', () => {
  it.each(['v1', 'v2'] as const)('%s is read back as written, from any cut', (version) => {
    for (const given of [addresses.v4, addresses.v6, addresses.whole, undefined]) {
      const header = encodeProxyHeader(version, given)
      for (let cut = 0; cut < header.length; cut++) expect(readProxyHeader(header.subarray(0, cut)).state).toBe('more')
      const wanted: ProxyHeader = { state: 'done', length: header.length, ...(given && { addresses: given }) }
      expect(readProxyHeader(Buffer.concat([header, Buffer.from('rest')]))).toEqual(wanted)
    }
  })

  it.each([
    'GET / HTTP/1.1\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n',
    'PROXY TCP4 ::1 ::1 1 2\r\n',
    `PROXY ${'x'.repeat(200)}`,
    '\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0',
    '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04abcd',
    '\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff',
  ])('refuses %j', (text) => {
    expect(readProxyHeader(Buffer.from(text, 'latin1')).state).toBe('bad')
  })

  it.each(['v1', 'v2'] as const)(
    '%s comes in, in pieces too, and its address goes out on bound connections',
    async (version) => {
      const header = encodeProxyHeader(version, addresses.v4)
      const { port, seen } = await headerServer(header.length)
      const proxy = await bed.proxy(one({ port, proxyProtocol: version }, { mode: 'bound', proxyProtocol: true }))
      const socket = connectTcp({ host: '127.0.0.1', port: portOf(proxy), noDelay: true })
      bed.defer(() => socket.destroy())
      socket.write(header.subarray(0, 5))
      await new Promise((resolve) => setTimeout(resolve, 20))
      expect(String((await ask(socket, header.subarray(5)))?.body)).toBe('hi')
      expect(seen).toEqual([header])
      const bad = connectTcp({ host: '127.0.0.1', port: portOf(proxy) })
      expect(await ask(bad)).toBeUndefined()
      expect(proxy.listeners[0]!.counters[L.downstream_cx_proxy_proto_error]).toBe(1)
    },
  )

  it.for([
    ['an address of IPv4', '127.0.0.1'],
    ['all addresses of both families', '::'],
  ] as const)('of a client that brings none its own address goes out; a listener on %s', async ([, host], { skip }) => {
    if (host === '::' && !(await hasIPv6)) skip('this machine has no IPv6')
    const { port, seen } = await headerServer(28)
    const config = one({ port, proxyProtocol: 'v2' }, { mode: 'bound', address: { host, port: 0 } })
    const proxy = await bed.proxy(config)
    const socket = connectTcp({ host: '127.0.0.1', port: portOf(proxy), noDelay: true })
    bed.defer(() => socket.destroy())
    await ask(socket)
    expect(readProxyHeader(seen[0]!)).toMatchObject({
      addresses: {
        source: { host: '127.0.0.1', port: socket.localPort },
        destination: { host: '127.0.0.1', port: portOf(proxy) },
      },
    })
  })

  it('a client that ends its side before its header or handshake is whole is not waited for', async () => {
    const ca = await testCa()
    const { cert, key } = await ca.issue('game', { dns: ['game.local'] })
    for (const listener of [{ proxyProtocol: true }, { tls: { certificate: cert, privateKey: key } }]) {
      const proxy = await bed.proxy(one({}, listener))
      for (const said of ['', '\x16\x03\x01', 'PROXY TCP4']) {
        const socket = connectTcp({ host: '127.0.0.1', port: portOf(proxy) })
        const closed = new Promise((resolve) => socket.on('error', resolve).on('close', resolve))
        socket.end(said, 'latin1')
        await closed
      }
      await comesTrue(() => proxy.listeners[0]!.greeting === 0)
    }
  })

  it('a header that comes byte by byte is waited for no longer than one that does not come', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const proxy = await bed.proxy(one({}, { proxyProtocol: true }))
    const socket = connectTcp({ host: '127.0.0.1', port: portOf(proxy), noDelay: true })
    bed.defer(() => socket.destroy())
    const ended = new Promise((resolve) => socket.on('error', resolve).on('close', resolve))
    const { counters } = proxy.listeners[0]!
    const waits = () => proxy.listeners[0]!.greeting
    const waitUntil = async (count: number) => {
      while (waits() !== count) await turn()
    }
    await waitUntil(1)
    for (const byte of 'PROXY TCP4') {
      expect(waits()).toBe(1)
      socket.write(byte)
      // What reaches the proxy on another connection comes behind it.
      const other = connectTcp({ host: '127.0.0.1', port: portOf(proxy) })
      await waitUntil(2)
      other.destroy()
      await waitUntil(1)
      vi.advanceTimersByTime(1000)
    }
    await ended
    expect(counters[L.downstream_cx_transport_socket_connect_timeout]).toBe(1)
    expect(waits()).toBe(0)
  })

  it('a shared connection says that it is our own', async () => {
    const header = encodeProxyHeader('v2', undefined)
    const { port, seen } = await headerServer(header.length)
    const proxy = await bed.proxy(one({ port, proxyProtocol: 'v2' }))
    await bed.client(proxy).ask({ msgid: 1, seq: 1 })
    await comesTrue(() => seen.length === 1)
    expect(seen[0]).toEqual(header)
  })
})

it('a connection that was open counts as lost, with requests only when it has some, and never as one that could not be opened', async () => {
  const server = await bed.server('a')
  const proxy = await bed.proxy(one({ port: server.port }))
  const client = bed.client(proxy)
  const counted = () => {
    const { counters, hosts } = proxy.clusters.get('a')!
    const { upstream_cx_destroy, upstream_cx_destroy_with_active_rq, upstream_cx_connect_fail } = C
    return [
      ...[upstream_cx_destroy, upstream_cx_destroy_with_active_rq, upstream_cx_connect_fail].map((at) => counters[at]),
      hosts[0]!.connectFailures,
    ]
  }
  await client.ask({ msgid: 1, seq: 1 })
  server.cut()
  await comesTrue(() => counted()[0] === 1, 'the idle one is gone')
  expect(counted()).toEqual([1, 0, 0, 0])
  server.mute = true
  client.send({ msgid: 1, seq: 2 })
  await comesTrue(() => server.frames.length === 2, 'a request is there')
  server.cut()
  await comesTrue(() => counted()[0] === 2, 'the busy one is gone')
  expect(counted()).toEqual([2, 1, 0, 0])
  await server.close()
  await client.ask({ msgid: 1, seq: 3 })
  expect(counted()).toEqual([3, 1, 1, 1])
})

it('a bound client that a hash sends to one host and the other keeps its connection to each', async () => {
  const [a, b] = [await bed.server('a'), await bed.server('b')]
  const proxy = await bed.proxy(
    gameConfiguration({
      listener: { mode: 'bound' },
      routes: [{ name: 'game', routes: [byId(1, 'x', { hashKeys: [{ field: 'uid' }] })] }],
      clusters: [{ name: 'x', localities: endpoints(a.port, b.port), balancer: { kind: 'maglev' } }],
    }),
  )
  const client = bed.client(proxy)
  const answers = new Set<string>()
  for (let seq = 0; seq < 40; seq++) {
    const { body } = await client.ask({ msgid: 1, seq, uid: BigInt(seq) })
    answers.add(String(body))
  }
  expect([...answers].sort()).toEqual(['a:', 'b:'])
  expect([a.connections, b.connections]).toEqual([1, 1])
})
