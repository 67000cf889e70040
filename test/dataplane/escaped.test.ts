import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { ConnectionMode } from '../../codecs/contract.ts'
import { L } from '../../dataplane/stats/counters.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, byId, endpoints, gameConfiguration } from './game.ts'

/**
 * Frames with escaped bytes through a proxy whose connections are shared: ids, the client's and the proxy's, have bytes that are escaped. Client and server here
 * know nothing of the codecs.
 */

const bed = new Bed()
const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) server.close()
  await bed.close()
})

interface Dialect {
  readonly frame: object
  readonly encode: (content: Buffer) => Buffer
  /** Takes bytes as they come. */
  readonly decoder: (take: (content: Buffer) => void) => (chunk: Buffer) => void
  /** Bytes that are escaped in content. */
  readonly special: readonly number[]
}

/** Frames between flags, an escape that is told by the byte behind it. */
function flagged(
  flag: number,
  by: number,
  pairs: readonly (readonly [meant: number, written: number])[],
  frame: object,
): Dialect {
  const written = new Map(pairs)
  const meant = new Map(pairs.map(([a, b]) => [b, a]))
  return {
    frame,
    special: pairs.map(([byte]) => byte),
    encode: (content) =>
      Buffer.from([
        flag,
        ...[...content].flatMap((byte) => (written.has(byte) ? [by, written.get(byte)!] : [byte])),
        flag,
      ]),
    decoder: (take) => {
      let content: number[] = []
      let escaped = false
      return (chunk) => {
        for (const byte of chunk) {
          if (byte === flag) {
            if (content.length > 0) take(Buffer.from(content))
            content = []
          } else if (byte === by) escaped = true
          else {
            content.push(escaped ? meant.get(byte)! : byte)
            escaped = false
          }
        }
      }
    },
  }
}

/** DLE STX … DLE ETX, DLE doubled in between. */
const dle: Dialect = {
  frame: { opens: String.raw`\x10\x02`, until: String.raw`\x10\x03`, escape: { by: 0x10 } },
  special: [0x10],
  encode: (content) =>
    Buffer.from([0x10, 0x02, ...[...content].flatMap((byte) => (byte === 0x10 ? [byte, byte] : [byte])), 0x10, 0x03]),
  decoder: (take) => {
    let content: number[] = []
    let escaped = false
    return (chunk) => {
      for (const byte of chunk) {
        if (!escaped && byte === 0x10) {
          escaped = true
          continue
        }
        if (escaped && byte === 0x02) content = []
        else if (escaped && byte === 0x03) take(Buffer.from(content))
        else content.push(byte)
        escaped = false
      }
    }
  },
}

const dialects: Readonly<Record<string, Dialect>> = {
  SLIP: flagged(
    0xc0,
    0xdb,
    [
      [0xc0, 0xdc],
      [0xdb, 0xdd],
    ],
    { until: 0xc0, opens: 0xc0, escape: { by: 0xdb, is: { 220: 0xc0, 221: 0xdb } } },
  ),
  HDLC: flagged(
    0x7e,
    0x7d,
    [
      [0x7e, 0x5e],
      [0x7d, 0x5d],
    ],
    { until: 0x7e, opens: 0x7e, escape: { by: 0x7d, xor: 0x20 } },
  ),
  'DLE stuffing': dle,
}

/** kind, msgid, id of 4 bytes, uid of 4, body */
interface Message {
  readonly kind: number
  readonly msgid: number
  readonly id: number
  readonly uid: number
  readonly body: Buffer
}
const contentOf = ({ kind, msgid, id, uid, body }: Message) => {
  const head = Buffer.alloc(10)
  head[0] = kind
  head[1] = msgid
  head.writeUInt32BE(id, 2)
  head.writeUInt32BE(uid, 6)
  return Buffer.concat([head, body])
}
const messageOf = (content: Buffer): Message => ({
  kind: content[0]!,
  msgid: content[1]!,
  id: content.readUInt32BE(2),
  uid: content.readUInt32BE(6),
  body: content.subarray(10),
})
const [REQUEST, RESPONSE, FAILED] = [1, 2, 3]

const layout = (frame: object, id: 'u8' | 'u32') => ({
  frame: { ...frame, max: '4KiB' },
  message: {
    kind: { at: 0, type: 'u8', is: { [REQUEST]: 'request', [RESPONSE]: 'response', [FAILED]: 'response' } },
    id: id === 'u8' ? { at: 5, type: 'u8' } : { at: 2, type: 'u32' },
    error: { kind: FAILED },
  },
  fields: { msgid: { at: 1, type: 'u8' }, uid: { at: 6, type: 'u32' } },
  reply: { error: { from: 'request', bytes: 10, set: { kind: FAILED }, body: 'u32 code' } },
  connections: ['shared', 'bound', 'exclusive'],
})

/** Answers with what it got; `handle` may do otherwise. */
async function listen({ encode, decoder }: Dialect) {
  const seen: Message[] = []
  const peer = {
    seen,
    port: 0,
    handle: (message: Message, say: (message: Message) => void) => say({ ...message, kind: RESPONSE }),
  }
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    const say = (message: Message) => void (socket.writable && socket.write(encode(contentOf(message))))
    socket.on(
      'data',
      decoder((content) => {
        const message = messageOf(content)
        seen.push(message)
        peer.handle(message, say)
      }),
    )
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  peer.port = (server.address() as { port: number }).port
  return peer
}

function dial(port: number, { encode, decoder }: Dialect) {
  const socket: Socket = connect({ host: '127.0.0.1', port, noDelay: true })
  const replies: Message[] = []
  socket.on('error', () => socket.destroy())
  socket.on(
    'data',
    decoder((content) => replies.push(messageOf(content))),
  )
  return { socket, replies, send: (message: Message) => void socket.write(encode(contentOf(message))) }
}

const modes: readonly (readonly [ConnectionMode, 'u8' | 'u32'])[] = [
  ['shared', 'u32'],
  ['shared', 'u8'],
  ['bound', 'u32'],
  ['exclusive', 'u32'],
]
/** Every byte there is. */
const everything = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

describe.each(Object.entries(dialects))('%s', (_, dialect) => {
  it.each(modes)('each reply comes to its request, byte for byte: %s, ids of %s', async (mode, id) => {
    const [a, shadow] = [await listen(dialect), await listen(dialect)]
    const [first = 0, second = first] = dialect.special
    const uid = (first << 24) | (second << 16) | (first << 8) | second
    // As many at once as the last byte of an id has values.
    const count = 300
    const failed = new Set<string>()
    const window = mode === 'exclusive' ? 10 : id === 'u8' ? 60 : count
    // So that all are in flight at once; a fifth is turned away.
    const together = window === count ? (count * 4) / 5 : 0
    const held: (() => void)[] = []
    a.handle = (message, say) => {
      const again = message.msgid !== 5 || failed.has(String(message.body))
      failed.add(String(message.body))
      held.push(() => say({ ...message, kind: again ? RESPONSE : FAILED }))
      if (a.seen.length >= together) for (const answer of held.splice(0)) answer()
    }
    const proxy = await bed.proxy(
      gameConfiguration({
        protocols: [{ name: 'game', layout: layout(dialect.frame, id) }],
        listener: { mode },
        routes: [
          {
            name: 'game',
            routes: [
              byId(1, 'a'),
              byId(2, 'a', {
                requestMutation: [{ field: 'uid', value: String(uid >>> 0) }],
                responseMutation: [{ field: 'msgid', value: String(first) }],
              }),
              byId(3, 'a', { mirrors: [{ cluster: 'shadow', percent: 100 }] }),
              byId(4, 'a', { fault: { abort: { percent: 100, reply: { reason: 'fault', code: uid >>> 0 } } } }),
              byId(5, 'a', { retry: { attempts: 2, on: ['error'], idempotent: true, baseIntervalMs: 1 } }),
            ],
          },
        ],
        clusters: [
          {
            name: 'a',
            localities: endpoints(a.port),
            balancer: { kind: 'roundRobin' },
            circuitBreakers: { default: { maxRetries: count } },
          },
          { name: 'shadow', localities: endpoints(shadow.port), balancer: { kind: 'roundRobin' } },
        ],
      }),
    )
    const { port } = proxy.address('game') as { port: number }
    const client = dial(port, dialect)
    const wanted = new Map<number, Message>()
    const bodies: Buffer[] = []
    for (let n = 0; n < count; n++) {
      const body = Buffer.concat([Buffer.from(`${n}:`), everything])
      bodies.push(body)
      const own = id === 'u8' ? (n & 0xff) + n * 65536 : ((first << 24) | (second << 16) | n) >>> 0
      const message = { kind: REQUEST, msgid: 1 + (n % 5), id: own, uid: n, body }
      wanted.set(n, message)
      client.send(message)
      await comesTrue(() => n + 1 - client.replies.length < window)
    }
    await comesTrue(() => client.replies.length === count, 'all are answered')
    for (const { kind, id: own, msgid, uid: got, body } of client.replies) {
      const n = id === 'u8' ? own >>> 16 : own & 0xffff
      const { msgid: asked, id: sent } = wanted.get(n)!
      expect(own).toBe(sent)
      expect(wanted.delete(n)).toBe(true)
      if (asked === 4) {
        expect([kind, body.readUInt32BE()]).toEqual([FAILED, uid >>> 0])
        continue
      }
      expect([kind, body.equals(bodies[n]!)]).toEqual([RESPONSE, true])
      expect([msgid, got]).toEqual(asked === 2 ? [first, uid >>> 0] : [asked, n])
    }
    expect(wanted.size).toBe(0)
    await comesTrue(() => shadow.seen.length === count / 5, 'the copies arrive')
    for (const { body, msgid } of shadow.seen) expect([msgid, body.length > 256]).toEqual([3, true])
    // A fifth is turned away, another one asked for twice.
    expect(a.seen).toHaveLength(count)
    if (mode === 'shared')
      for (const byte of dialect.special)
        expect(
          [...a.seen, ...shadow.seen].some((message) => (message.id & 0xff) === byte),
          `an id of the proxy's ends with ${byte}`,
        ).toBe(true)
    await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
  })
})

it('a reply as long as frames may be that has no room for its client’s id is an error reply: no other id goes to the client', async () => {
  const dialect = dialects['SLIP']!
  const a = await listen(dialect)
  // 2 + 10 + 4,084: a frame of 4 KiB while nothing in it is escaped.
  a.handle = (message, say) => say({ ...message, kind: RESPONSE, body: Buffer.alloc(message.uid) })
  const proxy = await bed.proxy(
    gameConfiguration({
      protocols: [{ name: 'game', layout: layout(dialect.frame, 'u32') }],
      listener: { mode: 'shared' },
      routes: [{ name: 'game', routes: [byId(1, 'a')] }],
      clusters: [{ name: 'a', localities: endpoints(a.port), balancer: { kind: 'roundRobin' } }],
    }),
  )
  const client = dial((proxy.address('game') as { port: number }).port, dialect)
  const ids = [0x01020304, 0xc0c0c0c0, 0x01020305]
  for (const id of ids) client.send({ kind: REQUEST, msgid: 1, id, uid: 4084, body: Buffer.alloc(0) })
  await comesTrue(() => client.replies.length === 3)
  const kinds = new Map(client.replies.map(({ id, kind, body }) => [id, [kind, body.length]]))
  expect(ids.map((id) => kinds.get(id))).toEqual([
    [RESPONSE, 4084],
    [FAILED, 4],
    [RESPONSE, 4084],
  ])
  const { counters } = proxy.listeners[0]!
  expect([counters[L.downstream_rq_replied], counters[L.downstream_rq_error_replied]]).toEqual([2, 1])
  await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
})
