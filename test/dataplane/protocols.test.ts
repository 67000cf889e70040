import { connect, createServer, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { ConnectionMode } from '../../codecs/contract.ts'
import type { Configuration, MessageRoute } from '../../dataplane/configuration.ts'
import { comesTrue, until } from '../helpers/eventually.ts'
import { Bed, endpoints } from './game.ts'

const bed = new Bed()
afterEach(() => bed.close())

async function serve(onData: (socket: Socket, chunk: Buffer) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => onData(socket, chunk))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  bed.defer(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as { port: number }).port
}

function configuration(
  protocol: string,
  ports: Readonly<Record<string, number>>,
  routes: readonly MessageRoute[],
  mode: ConnectionMode = 'bound',
): Configuration {
  return {
    version: '1',
    protocols: [{ name: protocol, shipped: protocol }],
    listeners: [{ name: 'game', address: { host: '127.0.0.1', port: 0 }, protocol, routes: 'r', mode }],
    routes: [{ name: 'r', routes }],
    clusters: Object.entries(ports).map(([name, port]) => ({
      name,
      localities: endpoints(port),
      balancer: { kind: 'roundRobin' },
    })),
  }
}

const route = (field: string, prefix: string, cluster: string, more: object = {}): MessageRoute => ({
  name: prefix,
  match: [{ field, prefix }],
  action: { destinations: [{ cluster, weight: 1 }], ...more },
})

async function client(config: Configuration) {
  const proxy = await bed.proxy(config)
  const { port } = proxy.address('game') as { port: number }
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  bed.defer(() => socket.destroy())
  let received = Buffer.alloc(0)
  let closed = false
  socket.on('error', () => undefined)
  socket.on('close', () => {
    closed = true
  })
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
  })
  return { proxy, socket, received: () => received, closed: () => closed }
}

/** Answers each inline command with its words, after a time the command says; in order on each connection, as Redis does. */
function echoCommands(name: string): Promise<number> {
  const last = new Map<Socket, Promise<unknown>>()
  return serve((socket, chunk) => {
    for (const line of chunk.toString().split('\r\n').filter(Boolean)) {
      const wait = Number(/wait(\d+)/.exec(line)?.[1] ?? 0)
      const turn = (last.get(socket) ?? Promise.resolve())
        .then(() => (wait > 0 ? new Promise((resolve) => setTimeout(resolve, wait)) : undefined))
        .then(() => socket.writable && socket.write(`+${name} ${line}\r\n`))
      last.set(socket, turn)
    }
  })
}

describe('Redis: no ids, replies in order', () => {
  it.each(['bound', 'exclusive'] as const)(
    'replies leave in the order of the requests, though another host answers first or we answer ourselves (%s)',
    async (mode) => {
      const ports = { slow: await echoCommands('slow'), fast: await echoCommands('fast') }
      const { socket, received, proxy } = await client(
        configuration(
          'redis',
          ports,
          [
            route('key', 's', 'slow'),
            route('key', 'f', 'fast'),
            route('key', 'x', 'fast', { fault: { abort: { percent: 100 } } }),
          ],
          mode,
        ),
      )
      socket.write('GET s1 wait100\r\nGET f1\r\nGET x1\r\nGET none\r\nGET s2\r\nGET f2\r\n')
      const lines = () => received().toString().split('\r\n').filter(Boolean)
      await comesTrue(() => lines().length === 6, 'six replies')
      expect(lines().map((line) => line.replace(/^-ERR .*/, '-ERR'))).toEqual([
        '+slow GET s1 wait100',
        '+fast GET f1',
        '-ERR',
        '-ERR',
        '+slow GET s2',
        '+fast GET f2',
      ])
      expect(proxy.engine.requests.used).toBe(0)
    },
  )

  it("a request that runs out of time is answered in its place, and its late reply is nobody's", async () => {
    const ports = { a: await echoCommands('a') }
    const { socket, received } = await client(
      configuration('redis', ports, [route('key', 'k1', 'a', { timeoutMs: 60 }), route('key', 'k2', 'a')]),
    )
    socket.write('GET k1 wait200\r\n')
    await comesTrue(() => received().length > 0)
    expect(received().toString()).toMatch(/^-ERR/)
    await new Promise((resolve) => setTimeout(resolve, 200))
    socket.write('GET k2\r\n')
    await comesTrue(() => received().toString().split('\r\n').length === 3)
    expect(received().toString()).toContain('+a GET k2')
    expect(received().toString()).not.toContain('k1')
  })
})

it('a reply that came in time is given also when the process stood still until the time was out', async () => {
  const shared = new SharedArrayBuffer(12)
  const [port, asked, answered] = [0, 1, 2].map((at) => new Int32Array(shared, at * 4, 1)) as [
    Int32Array,
    Int32Array,
    Int32Array,
  ]
  // A server that goes on while this thread stands still; it answers once it sees that.
  const server = new Worker(
    `const { workerData: shared } = require('node:worker_threads')
     const [port, asked, answered] = [0, 1, 2].map((at) => new Int32Array(shared, at * 4, 1))
     const server = require('node:net').createServer((socket) => {
       socket.on('error', () => {})
       socket.on('data', () => {
         Atomics.store(asked, 0, 1)
         Atomics.wait(asked, 0, 1)
         socket.write('+in time\\r\\n', () => {
           Atomics.store(answered, 0, 1)
           Atomics.notify(answered, 0)
         })
       })
     })
     server.listen(0, '127.0.0.1', () => Atomics.store(port, 0, server.address().port))`,
    { eval: true, workerData: shared },
  )
  bed.defer(() => server.terminate())
  await comesTrue(() => port[0]! > 0)
  const { socket, received } = await client(
    configuration('redis', { a: port[0]! }, [route('key', 'k', 'a', { timeoutMs: 60_000 })]),
  )
  socket.write('GET k\r\n')
  await comesTrue(() => asked[0] === 1)
  Atomics.store(asked, 0, 2)
  Atomics.notify(asked, 0)
  Atomics.wait(answered, 0, 0)
  const real = performance.now.bind(performance)
  // Ticks of the proxy are due, and by its clock the time is out.
  for (const end = real() + 50; real() < end; );
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => real() + 120_000)
  bed.defer(() => clock.mockRestore())
  await until(received, (bytes) => bytes.length > 0)
  expect(received().toString()).toBe('+in time\r\n')
})

describe('MQTT: a session on a bound connection', () => {
  const connectPacket = Buffer.from([
    0x10, 0x10, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 4, 0x72, 0x65, 0x64, 0x31,
  ])
  const connack = Buffer.from([0x20, 2, 0, 0])
  const publish = Buffer.from([0x30, 5, 0, 1, 0x74, 0x68, 0x69])
  const ping = Buffer.from([0xc0, 0])
  const pong = Buffer.from([0xd0, 0])

  it('is routed by client id; publishes and pings go both ways; it ends with its broker', async () => {
    const seen: Buffer[] = []
    const sockets: Socket[] = []
    const port = await serve((socket, chunk) => {
      seen.push(chunk)
      if (chunk[0] === 0x10) {
        sockets.push(socket)
        socket.write(connack)
      } else if (chunk[0] === 0x30) socket.write(chunk)
      else if (chunk[0] === 0xc0) socket.write(pong)
    })
    const { socket, received, closed } = await client(
      configuration('mqtt', { red: port }, [route('clientId', 'red', 'red')]),
    )
    socket.write(connectPacket)
    await comesTrue(() => received().equals(connack), 'connack')
    socket.write(ping)
    await comesTrue(() => received().length === 6)
    expect(received().subarray(4)).toEqual(pong)
    socket.write(publish)
    await comesTrue(() => received().length === 6 + publish.length)
    expect(Buffer.concat(seen)).toEqual(Buffer.concat([connectPacket, ping, publish]))
    sockets[0]!.end()
    await comesTrue(closed, 'the end of the client')
  })

  it('a request without an answer in time ends the session, which has no error reply, and is accounted for once', async () => {
    const port = await serve((socket, chunk) => {
      if (chunk[0] === 0x10) socket.write(connack)
    })
    const { socket, received, closed, proxy } = await client(
      configuration('mqtt', { red: port }, [
        route('clientId', 'red', 'red'),
        { ...route('topic', 'x', 'red', { timeoutMs: 50 }), match: [] },
      ]),
    )
    socket.write(connectPacket)
    await comesTrue(() => received().equals(connack), 'connack')
    const subscribe = (id: number) => Buffer.from([0x82, 6, 0, id, 0, 1, 0x74, 0])
    socket.write(Buffer.concat([subscribe(1), subscribe(2), subscribe(3)]))
    await comesTrue(closed, 'the end of the client')
    await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
    const { requests } = proxy.engine
    const taken = Array.from({ length: requests.capacity }, () => requests.take())
    expect(new Set(taken).size).toBe(taken.length)
  })

  it('what has no route of its own goes where the session is; an upstream a route names later hears the handshake first', async () => {
    const heard = { home: Buffer.alloc(0), other: Buffer.alloc(0) }
    const broker = (name: keyof typeof heard) =>
      serve((socket, chunk) => {
        heard[name] = Buffer.concat([heard[name], chunk])
        if (chunk[0] === 0x10) socket.write(connack)
        if (chunk.includes(0x82)) socket.write(Buffer.from([0x90, 3, 0, chunk[chunk.indexOf(0x82) + 3]!, 0]))
      })
    const subscribe = (id: number, topic: string) => Buffer.from([0x82, 6, 0, id, 0, 1, topic.charCodeAt(0), 0])
    const { socket, received, closed, proxy } = await client(
      configuration('mqtt', { home: await broker('home'), other: await broker('other') }, [
        route('clientId', 'red', 'home'),
        route('topic', 'o', 'other'),
      ]),
    )
    socket.write(connectPacket)
    await comesTrue(() => received().equals(connack), 'connack')
    socket.write(subscribe(1, 'h'))
    await comesTrue(() => received().length === connack.length + 5, 'suback of the home')
    socket.write(subscribe(2, 'o'))
    await comesTrue(() => received().length === connack.length + 10, 'suback of the other, and no second connack')
    expect(received()).toEqual(Buffer.from([...connack, 0x90, 3, 0, 1, 0, 0x90, 3, 0, 2, 0]))
    expect(heard.home).toEqual(Buffer.concat([connectPacket, subscribe(1, 'h')]))
    expect(heard.other).toEqual(Buffer.concat([connectPacket, subscribe(2, 'o')]))
    socket.write(ping)
    await comesTrue(() => heard.home.at(-2) === 0xc0 && heard.other.at(-2) === 0xc0, 'pings at both')
    expect(closed()).toBe(false)
    expect(proxy.engine.requests.used).toBe(0)
  })

  it('a fault on the handshake refuses the session', async () => {
    const { socket, closed, received } = await client(
      configuration('mqtt', { red: await serve((other) => other.write(connack)) }, [
        route('clientId', 'red', 'red', { fault: { abort: { percent: 100 } } }),
      ]),
    )
    socket.write(connectPacket)
    await comesTrue(closed, 'the end of the client')
    expect(received()).toHaveLength(0)
  })

  it('a session nobody takes is closed', async () => {
    const { socket, closed } = await client(configuration('mqtt', {}, []))
    socket.write(connectPacket)
    await comesTrue(closed, 'the end of the client')
  })
})

describe('Thrift: ids at a computed place, error replies of its own', () => {
  const call = (type: number, name: string, seq: number, body = Buffer.from([0])) => {
    const bytes = Buffer.alloc(16 + name.length)
    bytes.writeUInt32BE(12 + name.length + body.length, 0)
    bytes.writeUInt32BE(0x80010000 + type, 4)
    bytes.writeInt32BE(name.length, 8)
    bytes.write(name, 12)
    bytes.writeInt32BE(seq, 12 + name.length)
    return Buffer.concat([bytes, body])
  }

  it('shares connections, restores ids, and an unknown method gets an exception with its length prefix', async () => {
    const port = await serve((socket, chunk) => {
      for (let at = 0; at < chunk.length; at += 4 + chunk.readUInt32BE(at)) {
        const reply = Buffer.from(chunk.subarray(at, at + 4 + chunk.readUInt32BE(at)))
        reply[7] = 2
        socket.write(reply)
      }
    })
    const { socket, received } = await client(
      configuration('thrift', { a: port }, [route('method', 'get', 'a')], 'shared'),
    )
    const calls = Array.from({ length: 20 }, (_, i) => call(1, `Service:get${'x'.repeat(i)}`, -1000 * i))
    socket.write(Buffer.concat(calls))
    const wanted = Buffer.concat(
      Array.from({ length: 20 }, (_, i) => call(2, `Service:get${'x'.repeat(i)}`, -1000 * i)),
    )
    await comesTrue(() => received().length === wanted.length, 'all replies')
    expect(received()).toEqual(wanted)
    socket.write(call(1, 'Service:put', 5))
    await comesTrue(() => received().length > wanted.length + 4)
    const error = received().subarray(wanted.length)
    expect(error.readUInt32BE(0)).toBe(error.length - 4)
    expect(error[7]).toBe(3)
    expect(error.readInt32BE(12 + 'Service:put'.length)).toBe(5)
  })

  it('a longer name moves the id: it is written where it stands then, and restored', async () => {
    const names: string[] = []
    const port = await serve((socket, chunk) => {
      for (let at = 0; at < chunk.length; at += 4 + chunk.readUInt32BE(at)) {
        const reply = Buffer.from(chunk.subarray(at, at + 4 + chunk.readUInt32BE(at)))
        names.push(reply.toString('latin1', 12, 12 + reply.readInt32BE(8)))
        reply[7] = 2
        socket.write(reply)
      }
    })
    const longer = { requestMutation: [{ field: 'name', value: 'Service:getItAll' }] }
    const { socket, received } = await client(
      configuration('thrift', { a: port }, [route('method', 'get', 'a', longer)], 'shared'),
    )
    socket.write(Buffer.concat([call(1, 'Service:get', 5), call(1, 'Service:getIt', -7)]))
    const wanted = Buffer.concat([call(2, 'Service:getItAll', 5), call(2, 'Service:getItAll', -7)])
    await comesTrue(() => received().length === wanted.length, 'both replies')
    expect(received()).toEqual(wanted)
    expect(names).toEqual(['Service:getItAll', 'Service:getItAll'])
  })
})
