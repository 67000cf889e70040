import { connect as connectHttp2, constants } from 'node:http2'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, test } from 'vitest'
import { STATUS } from '../../controlplane/ads/transport.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { FakeMesh, fakeResource } from '../helpers/fake-mesh.ts'
import { cleanUp, cleanup, isServed, neighbour, serve, world } from './hostile-bed.ts'
import { type DeltaStream, NODE, names, RawClient } from './raw-client.ts'

const ADS_DELTA = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources'

const SERVED_BY_GRPC_JS = { 'grpc-timeout': '1H' }

afterEach(cleanUp)

describe('a request that is not acceptable ends its stream, says why, and harms nobody', () => {
  const refused: Record<string, readonly [send: (stream: DeltaStream) => void, code: number, text: RegExp]> = {
    'no node': [(stream) => stream.send('cds'), STATUS.invalidArgument, /must carry the node/],
    'a node without id': [(stream) => stream.send('cds', { node: { cluster: 'x' } }), STATUS.invalidArgument, /no id/],
    'no type': [(stream) => stream.send('', { node: NODE }), STATUS.invalidArgument, /no type_url/],
    garbage: [
      (stream) => stream.sendBytes(Buffer.from('garbage that is no protobuf')),
      STATUS.invalidArgument,
      /malformed protobuf/,
    ],
    'a node that is garbage': [
      (stream) => stream.sendBytes(Buffer.from([0x0a, 3, 0xff, 0xff, 0xff])),
      STATUS.invalidArgument,
      /node is malformed/,
    ],
    'a length beyond the message': [
      (stream) => stream.sendBytes(Buffer.from([0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f])),
      STATUS.invalidArgument,
      /malformed/,
    ],
    'a huge name': [
      (stream) => stream.send('eds', { node: NODE, resourceNamesSubscribe: ['x'.repeat(5_000_000)] }),
      STATUS.resourceExhausted,
      /5000000 bytes.*up to 1024/,
    ],
    'a million names': [
      (stream) =>
        stream.send('eds', {
          node: NODE,
          resourceNamesSubscribe: Array.from({ length: 1_000_000 }, (_, index) => `name-${index}`),
        }),
      STATUS.resourceExhausted,
      /more than 100000 resource names/,
    ],
    'a million versions': [
      (stream) =>
        stream.send('eds', {
          node: NODE,
          initialResourceVersions: Object.fromEntries(Array.from({ length: 200_000 }, (_, index) => [`${index}`, ''])),
        }),
      STATUS.resourceExhausted,
      /initial_resource_versions/,
    ],
    'a request above the size limit': [
      (stream) => stream.sendBytes(Buffer.alloc(65 * 1024 * 1024)),
      STATUS.resourceExhausted,
      /larger than|67108864/,
    ],
  }
  test.each(Object.entries(refused))('%s', async (_name, [send, code, text]) => {
    const { client, mesh, counts } = await serve(world())
    const other = await neighbour(client)
    const stream = client().delta()
    send(stream)
    const ended = await stream.ended
    expect(ended.code).toBe(code)
    expect(ended.details).toMatch(text)
    expect(counts['refused']).toBe(1)
    await isServed(other, mesh, '1')
  })

  test('another node on the same stream', async () => {
    const { client } = await serve(world())
    const stream = client().delta()
    stream.send('cds', { node: NODE })
    await stream.next()
    stream.send('lds', { node: { ...NODE, id: 'somebody-else' } })
    expect((await stream.ended).details).toMatch(/open a stream per node/)
  })

  test('names that come a few at a time are counted over the stream', async () => {
    const { client } = await serve(world(), { limits: { namesPerStream: 250 } })
    const stream = client().delta()
    for (let batch = 0; batch < 3; batch++) {
      const resourceNamesSubscribe = Array.from({ length: 100 }, (_, index) => `n${batch}-${index}`)
      stream.send('eds', { ...(batch === 0 ? { node: NODE } : {}), resourceNamesSubscribe })
    }
    expect(await stream.ended).toMatchObject({
      code: STATUS.resourceExhausted,
      details: expect.stringMatching(/250 names/),
    })
  })
})

describe('names that do not exist', () => {
  const missing = (from: number, count: number) => Array.from({ length: count }, (_, index) => `no${from + index}`)
  const ask = (stream: DeltaStream, id: string, subscribe: readonly string[]) =>
    stream.send('eds', { node: { ...NODE, id }, resourceNamesSubscribe: [...subscribe] })

  test('have a limit over all streams: whoever asks for most is told so and goes, the others are served', async () => {
    const { client, mesh, counts } = await serve(world(), { limits: { missingNames: 1000 } })
    const other = await neighbour(client)
    const honest = client().delta()
    ask(honest, 'honest', missing(0, 10))
    await honest.next()
    const greedy = client().delta()
    ask(greedy, 'greedy', missing(100, 800))
    await greedy.next()
    // It is not the one who came last.
    ask(client().delta(), 'late', missing(2000, 300))
    expect(await greedy.ended).toMatchObject({
      code: STATUS.resourceExhausted,
      details: expect.stringMatching(/asks for 800 names that do not exist, more than any other proxy.* 1000/),
    })
    expect(counts.refused).toBe(1)
    await isServed(other, mesh, '1')
    mesh.put(fakeResource('eds', 'no3', 'there')).publish()
    expect(names(await honest.next())).toEqual(['no3'])
  })

  test('are let go of with their stream, however many, and can be asked for again', async () => {
    const { client } = await serve(world(), { limits: { missingNames: 6000 } })
    for (let round = 0; round < 4; round++) {
      const raw = client()
      const stream = raw.delta()
      ask(stream, `n${round}`, missing(round * 5000, 5000))
      const told = new Set<string>()
      while (told.size < 5000) for (const name of (await stream.next()).removedResources) told.add(name)
      // Were anything left of it, the next would be one too many, and the one to go.
      raw.close()
    }
  })
})

test('a reconnect with more than 4 MiB of versions is taken', async () => {
  const { client } = await serve(world())
  const stream = client().delta()
  const held = Object.fromEntries(
    Array.from({ length: 50_000 }, (_, index) => [
      `outbound|8080|v1|service-${index}.shop.svc.cluster.local.and.more.text.to.make.it.long`,
      'version-1234',
    ]),
  )
  stream.send('eds', { node: NODE, resourceNamesSubscribe: ['n'], initialResourceVersions: held })
  expect(names(await stream.next())).toEqual(['n'])
})

test('requests that do not come to their end have a limit over all streams; who exceeds it is told so, the others are served', async () => {
  const { client, mesh, port, counts } = await serve(world(), { limits: { unfinishedBytes: 2 * 1024 * 1024 } })
  const other = await neighbour(client)
  const half = async (path: string, more: object = {}) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    cleanup.push(() => session.destroy())
    const call = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...more,
    })
    call.on('error', () => {})
    const told = new Promise<unknown>((resolve) => {
      call.on('response', (headers) => resolve(headers['grpc-message']))
      call.on('close', () => resolve(call.rstCode))
    })
    const head = Buffer.from([0, 3, 0, 0, 0])
    await new Promise((resolve) => call.write(Buffer.concat([head, Buffer.alloc(1_500_000)]), resolve))
    return { call, told }
  }
  const first = await half(ADS_DELTA)
  expect(await (await half(ADS_DELTA)).told).toMatch(/too%20many%20large%20requests|too many large requests/)
  expect(await (await half(ADS_DELTA, SERVED_BY_GRPC_JS)).told).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM)
  expect(counts['refused']).toBe(2)
  expect(first.call.closed).toBe(false)
  await isServed(other, mesh, '1')
  first.call.close()
  await comesTrue(() => first.call.closed)
  const again = await half(ADS_DELTA)
  await isServed(other, mesh, '2')
  expect(again.call.closed).toBe(false)
})

test('types nobody serves: what is asked for does not exist, and the stream goes on', async () => {
  const { client } = await serve(world())
  const stream = client().delta()
  stream.send('type.googleapis.com/envoy.service.runtime.v3.Runtime', {
    node: NODE,
    resourceNamesSubscribe: ['outbound/x', '*'],
  })
  const answer = await stream.next()
  expect([answer.typeUrl, answer.removedResources]).toEqual([
    'type.googleapis.com/envoy.service.runtime.v3.Runtime',
    ['outbound/x'],
  ])
  stream.ack(answer)
  stream.send('cds')
  expect(names(await stream.next())).toEqual(['c'])
})

test('a flood of stale nonces is slowed down; the neighbour is served', async () => {
  const { client, mesh, counts } = await serve(world(), { limits: { requestsPerSecond: 200, requestBurst: 100 } })
  const other = await neighbour(client)
  const flood = client().delta()
  flood.send('cds', { node: NODE })
  await flood.next()
  for (let index = 0; index < 20_000; index++) flood.send('cds', { responseNonce: 'stale' })
  const started = Date.now()
  for (let round = 1; round <= 5; round++) await isServed(other, mesh, `flood-${round}`)
  await sleep(200)
  const seconds = (Date.now() - started) / 1000
  expect(counts['expiredNonce']).toBeLessThan(100 + 200 * (seconds + 2) + 64)
})

test('a client that never reads keeps one flight in memory and is disconnected', async () => {
  const mesh = new FakeMesh().put(fakeResource('eds', 'n', '0'))
  const big = (content: string) =>
    Array.from({ length: 20 }, (_, index) => fakeResource('eds', `big-${index}`, content.repeat(200_000)))
  mesh.put(...big('0'))
  const { client, port, counts, server } = await serve(mesh, { limits: { sendTimeoutMs: 6_000 } })
  const other = await neighbour(client)
  // Plain HTTP/2 without reading: the window stays full.
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  cleanup.push(() => session.destroy())
  const stream = session.request({
    ':method': 'POST',
    ':path': '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  stream.on('error', () => {})
  stream.pause()
  const request = encodeDelta(['n', ...Array.from({ length: 20 }, (_, index) => `big-${index}`)])
  stream.write(request)
  await comesTrue(() => server.status.connected === 2)
  const before = buffersInUse()
  for (let round = 1; round <= 10; round++) {
    mesh.put(...big(String(round % 10)))
    await isServed(other, mesh, `round-${round}`)
    // It asks again and again, without reading the answers.
    stream.write(request)
  }
  // Ten flights of 4 MB were due: one is on its way, one is what the mesh has now, and one may be on its way out.
  const grown = buffersInUse() - before
  expect(grown).toBeLessThan(4 * 20 * 200_000)
  await comesTrue(() => server.status.connected === 1)
  expect(counts['writeTimeout']).toBe(1)
  await isServed(other, mesh, 'after')
})

test('a half-open connection is found by keepalive', async () => {
  const { client, port, server, mesh } = await serve(world(), {
    limits: { keepaliveMs: 300, keepaliveTimeoutMs: 5_000 },
  })
  const other = await neighbour(client)
  // A man in the middle who stops forwarding without closing anything.
  const pipes: Socket[] = []
  const middle = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    pipes.push(near, far)
    near.on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes) => near.write(bytes))
    for (const socket of [near, far]) socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => middle.listen(0, '127.0.0.1', resolve))
  cleanup.push(() => {
    for (const pipe of pipes) pipe.destroy()
    middle.close()
  })
  const raw = new RawClient((middle.address() as { port: number }).port)
  cleanup.push(() => raw.close())
  const stream = raw.delta()
  stream.send('cds', { node: NODE })
  await stream.next()
  expect(server.status.connected).toBe(2)
  for (const pipe of pipes) pipe.removeAllListeners('data').pause()
  await comesTrue(() => server.status.connected === 1)
  await isServed(other, mesh, 'after')
})

test('connections that speak something else are dropped', async () => {
  const { client, port, mesh } = await serve(world())
  const other = await neighbour(client)
  const closed = [
    'GET / HTTP/1.1\r\nhost: x\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage garbage garbage',
    '\x16\x03\x01 hello',
  ].map(
    (text) =>
      new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1', () => socket.write(text))
        socket.on('close', resolve).on('error', () => {})
        socket.resume()
      }),
  )
  await Promise.all(closed)
  await isServed(other, mesh, 'alive')
})

test('random bytes, cut and joined requests never end the process', async () => {
  const { client, mesh } = await serve(world())
  const other = await neighbour(client)
  let seed = 42
  const random = () => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
    return seed
  }
  const valid = encodeDelta(['n', 'x', '*']).subarray(5)
  const raw = client()
  for (let round = 0; round < 300; round++) {
    const stream = raw.delta()
    const bytes = Buffer.from(valid)
    for (let flips = random() % 4; flips >= 0; flips--) bytes[random() % bytes.length] = random() & 255
    stream.sendBytes(round % 3 === 0 ? bytes.subarray(0, random() % bytes.length) : bytes)
    stream.sendBytes(bytes)
    if (round % 50 === 0) await sleep(20)
    stream.cancel()
  }
  await isServed(other, mesh, 'alive')
})

/** Bytes in buffers after a garbage collection. */
function buffersInUse(): number {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  return process.memoryUsage().arrayBuffers
}

/** A gRPC frame with a first delta request for endpoints. */
function encodeDelta(subscribe: readonly string[]): Buffer {
  const field = (number: number, value: Buffer) =>
    Buffer.concat([Buffer.from([(number << 3) | 2, value.length]), value])
  const node = Buffer.concat([field(1, Buffer.from('hostile')), field(2, Buffer.from('hostile'))])
  const type = Buffer.from('type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment')
  const body = Buffer.concat([field(1, node), field(2, type), ...subscribe.map((name) => field(3, Buffer.from(name)))])
  const head = Buffer.alloc(5)
  head.writeUInt32BE(body.length, 1)
  return Buffer.concat([head, body])
}
