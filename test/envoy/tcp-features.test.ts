import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startEcho, startTcpEcho, type Upstream } from '../helpers/echo.ts'
import { testFolder } from '../helpers/folders.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { freePorts } from '../helpers/ports.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { ask, type HttpMesh, MODES } from './http-mesh.ts'
import { dial, networking, startMesh, tcpService, who } from './tcp-bed.ts'

/** An HTTP proxy for tunnels: leads every CONNECT and POST to the same TCP upstream and notes what it was asked for. */
async function startTunnelEnd(upstream: Upstream): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = []
  const through = (asking: IncomingMessage) => {
    asked.push(`${asking.method} ${asking.method === 'CONNECT' ? asking.url : asking.headers.host}`)
    return connect(upstream.port, '127.0.0.1')
  }
  const server = createServer((asking, response) => {
    const socket = through(asking)
    response.writeHead(200)
    response.flushHeaders()
    asking.pipe(socket).pipe(response)
    asking.on('error', () => socket.destroy())
    socket.on('error', () => response.destroy())
  })
  server.on('connect', (asking, client: Socket, head) => {
    const socket = through(asking)
    client.write('HTTP/1.1 200 Connected\r\n\r\n')
    socket.write(head)
    client.pipe(socket).pipe(client)
    client.on('error', () => socket.destroy())
    socket.on('error', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stopAfterTests(async () => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, asked }
}

describe.each(MODES)('connections at a sidecar, %s', (mode) => {
  let mesh: HttpMesh
  let folder: string
  let upstream: Upstream
  let web: Upstream
  let tunnel: Awaited<ReturnType<typeof startTunnelEnd>>
  const NAMES = ['limited', 'idle', 'connect', 'post', 'v6', 'source', 'life', 'mixed', 'http'] as const
  let ports: readonly number[]
  const port = (name: (typeof NAMES)[number]) => ports[NAMES.indexOf(name)]!
  let log: string

  beforeAll(async () => {
    folder = testFolder('tcp')
    log = join(folder, 'access.log')
    ;[upstream, web, ports] = await Promise.all([startTcpEcho('tcp'), startEcho('web'), freePorts(NAMES.length)])
    tunnel = await startTunnelEnd(upstream)
    const spread = await Promise.all(['a', 'b', 'c', 'd'].map((name) => startTcpEcho(name)))
    const rule = (name: string, policy: string) =>
      networking('DestinationRule', name, `{host: ${name}.test, trafficPolicy: ${policy}}`)
    const format = '%PROTOCOL% %UPSTREAM_CLUSTER% %UPSTREAM_CLUSTER_RAW% %BYTES_RECEIVED%/%BYTES_SENT% %RESPONSE_CODE%'
    const yaml = [
      `apiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: {name: mesh}\nspec:
  httpPort: ${port('http')}
  accessLog: {path: ${log}, format: "${format}"}\n`,
      tcpService('limited.test', port('limited'), [upstream]),
      rule('limited', '{connectionPool: {tcp: {maxConnections: 2}}}'),
      tcpService('idle.test', port('idle'), [upstream]),
      // Longer than a busy machine stands still between two words.
      rule('idle', '{connectionPool: {tcp: {idleTimeout: 3s}}}'),
      tcpService('life.test', port('life'), [upstream]),
      rule('life', '{connectionPool: {tcp: {maxConnectionDuration: 300ms}}}'),
      tcpService('connect.test', port('connect'), [tunnel]),
      rule('connect', '{tunnel: {protocol: CONNECT, targetHost: far.test, targetPort: 4433}}'),
      tcpService('post.test', port('post'), [tunnel]),
      rule('post', '{tunnel: {protocol: POST, targetHost: far.test, targetPort: 4434}}'),
      tcpService('v6.test', port('v6'), [tunnel]),
      rule('v6', '{tunnel: {targetHost: "2001:db8::1", targetPort: 443}}'),
      tcpService('source.test', port('source'), spread),
      networking(
        'DestinationRule',
        'source',
        '{host: source.test, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}, subsets: [{name: all}]}',
      ),
      tcpService('mixed.test', port('mixed'), spread),
      // Two clusters that both hash: whichever is drawn, it must find the address's endpoint.
      networking(
        'VirtualService',
        'mixed',
        `{hosts: [mixed.test], tcp: [{route: [{destination: {host: source.test}, weight: 50}, {destination: {host: source.test, subset: all}, weight: 50}]}]}`,
      ),
      serviceAt('web', [web]),
    ].join('')
    mesh = await startMesh({ mode, yaml, id: 'sidecar~127.0.0.1~caller.default~default.svc.cluster.local' })
  })
  afterAll(async () => {
    await mesh.stop()
  })

  test('maxConnections: one too many is closed, and counted; when one ends the next is served', async () => {
    const [first, second] = await Promise.all([dial(port('limited')), dial(port('limited'))])
    expect(await Promise.all([first.say('1'), second.say('2')])).toEqual(['tcp: 1', 'tcp: 2'])
    expect(await who(port('limited'))).toBe('closed')
    const cluster = `cluster.outbound|${port('limited')}||limited.test;`
    expect(await mesh.envoy.stat(`${cluster}.upstream_cx_overflow`)).toBe(1)
    first.close()
    await expect.poll(() => who(port('limited'))).toBe('tcp')
    expect(await second.say('still')).toBe('tcp: still')
    second.close()
  })

  test('idleTimeout: a silent connection is closed, by Envoy', async () => {
    const connection = await dial(port('idle'))
    expect(await connection.say('hello')).toBe('tcp: hello')
    await connection.closed
    expect(await mesh.envoy.stat(`tcp.outbound|${port('idle')}||idle.test.idle_timeout`)).toBe(1)
  })

  test('maxConnectionDuration: a busy connection is closed when it is old', async () => {
    const connection = await dial(port('life'))
    const talk = async () => {
      for (;;) await connection.say('again')
    }
    await expect(talk()).rejects.toThrow()
    expect(await mesh.envoy.stat(`tcp.outbound|${port('life')}||life.test.max_downstream_connection_duration`)).toBe(1)
  })

  test.each(['source', 'mixed'] as const)(
    'useSourceIp, %s: an address stays with its endpoint, and addresses are spread',
    async (service) => {
      const from = async (localAddress: string) => {
        const socket = connect({ port: port(service), host: '127.0.0.1', localAddress })
        const name = await new Promise<string>((resolve, reject) => {
          socket.once('data', (chunk) => resolve(chunk.toString('utf8').split(':')[0]!))
          socket.once('error', reject)
          socket.write('hello')
        })
        socket.destroy()
        return name
      }
      const addresses = Array.from({ length: 24 }, (_, index) => `127.0.1.${index + 1}`)
      const first = await Promise.all(addresses.map(from))
      expect(await Promise.all(addresses.map(from))).toEqual(first)
      expect(new Set(first).size).toBeGreaterThan(2)
    },
  )

  test.each([
    ['connect', 'CONNECT far.test:4433'],
    ['post', 'POST far.test:4434'],
    ['v6', 'CONNECT [2001:db8::1]:443'],
  ] as const)('tunnel, %s: bytes go inside "%s"', async (name, request) => {
    tunnel.asked.length = 0
    const connection = await dial(port(name))
    expect(await connection.say('one')).toBe('tcp: one')
    expect(await connection.say('two')).toBe('tcp: two')
    connection.close()
    expect(tunnel.asked).toEqual([request])
  })

  test('a WebSocket runs through the HTTP port, both ways', async () => {
    const { socket, upgraded } = await new Promise<{ socket: Socket; upgraded: string }>((resolve, reject) => {
      const headers = { host: 'web', connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' }
      const call = request({ host: '127.0.0.1', port: port('http'), path: '/chat', headers })
      call.on('upgrade', (response, socket: Socket) => {
        resolve({ socket, upgraded: `${response.statusCode} ${response.headers['x-echo-name']}` })
      })
      call.on('response', (response) => reject(new Error(`not upgraded: ${response.statusCode}`)))
      call.on('error', reject)
      call.end()
    })
    expect(upgraded).toBe('101 web')
    for (const text of ['ping', 'pong']) {
      const answer = new Promise<string>((resolve) => socket.once('data', (chunk: Buffer) => resolve(String(chunk))))
      socket.write(text)
      expect(await answer).toBe(text)
    }
    socket.destroy()
  })

  test('the access log of the mesh has a line for each request and each connection', async () => {
    expect((await ask(port('http'), 'web')).status).toBe(200)
    expect((await ask(port('http'), 'nobody.test')).status).toBe(502)
    const connection = await dial(port('limited'))
    await connection.say('12345')
    connection.close()
    const lines = async () => (await readFile(log, 'utf8').catch(() => '')).split('\n')
    // Envoy writes its buffer every ten seconds.
    await expect
      .poll(lines, { interval: 250 })
      .toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^HTTP\/1\.1 (outbound\|80\|\|web\.default\.svc\.cluster\.local); \1 0\/\d+ 200$/),
          expect.stringMatching(/^HTTP\/1\.1 \S+ \S+ 0\/\d+ 502$/),
          `- outbound|${port('limited')}||limited.test; outbound|${port('limited')}||limited.test 5/10 0`,
        ]),
      )
  })
})
