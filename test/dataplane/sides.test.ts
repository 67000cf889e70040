import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { ConnectionMode } from '../../codecs/contract.ts'
import type { Configuration } from '../../dataplane/configuration.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, endpoints } from './game.ts'

const document = readFileSync(new URL('../../examples/protocols/kafka.yaml', import.meta.url), 'utf8')
const bed = new Bed()
afterEach(() => bed.close())

const u16 = (value: number) => Buffer.from([(value >> 8) & 255, value & 255])
const u32 = (value: number) => Buffer.concat([u16(value >>> 16), u16(value & 0xffff)])
const text = (value: string) => Buffer.concat([u16(value.length), Buffer.from(value)])
const frame = (...parts: Buffer[]) => {
  const body = Buffer.concat(parts)
  return Buffer.concat([u32(body.length), body])
}
const request = (apiKey: number, id: number, ...body: Buffer[]) =>
  frame(u16(apiKey), u16(7), u32(id), text('me'), ...body)
/** Produce 7. */
const produce = (id: number, acks: number, topic: string) =>
  request(0, id, u16(0xffff), u16(acks), u32(1000), u32(1), text(topic), u32(0))

/** Whole frames of a stream so far. */
function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at)
    if (end > bytes.length) break
    frames.push(bytes.subarray(at, end))
    at = end
  }
  return frames
}

/**
 * A broker that answers every request but those that want none with its id and its name. An id of its own that looks like a client's frame of
 * Produce, version 3, says nothing to a proxy that knows the sides.
 */
async function broker(name: string): Promise<{ port: number; seen: string[] }> {
  const seen: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    let held = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      held = Buffer.concat([held, chunk])
      for (const one of framesOf(held)) {
        held = held.subarray(one.length)
        const unanswered = one.readUInt16BE(4) === 0 && one.readUInt16BE(18) === 0
        seen.push(`${one.readUInt16BE(4)}${unanswered ? ' unanswered' : ''}`)
        if (!unanswered) socket.write(frame(one.subarray(8, 12), text(name)))
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  bed.defer(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as { port: number }).port, seen }
}

async function client(port: number) {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  bed.defer(() => socket.destroy())
  let received = Buffer.alloc(0)
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
  })
  const replies = () => framesOf(received).map((one) => `${one.readUInt32BE(4)} ${one.subarray(10).toString()}`)
  return { socket, replies }
}

describe('a protocol whose frames do not say whose they are', () => {
  it.each(['shared', 'bound', 'exclusive'] as const satisfies readonly ConnectionMode[])(
    'requests are routed and responses find them, by the ids of each side (%s)',
    async (mode) => {
      const [orders, other] = [await broker('orders'), await broker('other')]
      const config: Configuration = {
        version: '1',
        protocols: [{ name: 'kafka', document }],
        listeners: [{ name: 'game', address: { host: '127.0.0.1', port: 0 }, protocol: 'kafka', routes: 'r', mode }],
        routes: [
          {
            name: 'r',
            routes: [
              {
                name: 'orders',
                match: [{ field: 'topic', exact: 'orders' }],
                action: { destinations: [{ cluster: 'orders', weight: 1 }] },
              },
              { name: 'rest', match: [], action: { destinations: [{ cluster: 'other', weight: 1 }] } },
            ],
          },
        ],
        clusters: [
          { name: 'orders', localities: endpoints(orders.port), balancer: { kind: 'roundRobin' } },
          { name: 'other', localities: endpoints(other.port), balancer: { kind: 'roundRobin' } },
        ],
      }
      const proxy = await bed.proxy(config)
      const { port } = proxy.address('game') as { port: number }
      const clients = [await client(port), await client(port)]
      for (const { socket } of clients)
        socket.write(
          Buffer.concat([
            produce(3, 1, 'orders'),
            request(3, 4),
            produce(5, 0, 'orders'),
            produce(6, 1, 'b'),
            request(18, 7),
          ]),
        )
      for (const { replies } of clients) {
        await comesTrue(() => replies().length === 4, 'four replies')
        expect(replies()).toEqual(['3 orders', '4 other', '6 other', '7 other'])
      }
      await comesTrue(() => orders.seen.length === 4, 'what wants no answer has arrived')
      expect(orders.seen.toSorted()).toEqual(['0', '0', '0 unanswered', '0 unanswered'])
      expect(other.seen.toSorted()).toEqual(['0', '0', '18', '18', '3', '3'])
      expect(proxy.engine.requests.used).toBe(0)
    },
  )
})
