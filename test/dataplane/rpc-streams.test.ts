import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import type { MessageRoute } from '../../dataplane/configuration.ts'
import { L } from '../../dataplane/stats/counters.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, endpoints, gameConfiguration } from './game.ts'

/** Streams of tRPC and bRPC: what opens one chooses the upstream, its frames follow there, those of the server come back. */

const bed = new Bed()
const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) server.close()
  await bed.close()
})

/** Keeps what it gets, as hex digits, and says it back. */
async function listen() {
  const peer = { port: 0, got: '' }
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      peer.got += chunk.toString('hex')
      socket.write(chunk)
    })
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  peer.port = (server.address() as { port: number }).port
  return peer
}

async function streams(protocol: 'trpc' | 'brpc', field: string, mode: 'bound' | 'shared') {
  const [a, b] = [await listen(), await listen()]
  const route = (name: string): MessageRoute => ({
    name,
    match: [{ field, exact: name }],
    action: { destinations: [{ cluster: name, weight: 1 }] },
  })
  const proxy = await bed.proxy(
    gameConfiguration({
      protocols: [{ name: 'game', shipped: protocol }],
      listener: { mode },
      routes: [{ name: 'game', routes: [route('a'), route('b')] }],
      clusters: [
        { name: 'a', localities: endpoints(a.port), balancer: { kind: 'roundRobin' } },
        { name: 'b', localities: endpoints(b.port), balancer: { kind: 'roundRobin' } },
      ],
    }),
  )
  const dial = () => {
    const socket: Socket = connect({ host: '127.0.0.1', port: (proxy.address('game') as { port: number }).port })
    const client = { got: '', send: (hex: string) => void socket.write(Buffer.from(hex, 'hex')) }
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      client.got += chunk.toString('hex')
    })
    return client
  }
  return { a, b, proxy, dial }
}

/** A frame of a tRPC stream; what it has behind its 16 bytes. */
const trpc = (type: number, id: number, body = '') =>
  `093001${type.toString(16).padStart(2, '0')}${(16 + body.length / 2).toString(16).padStart(8, '0')}0000${id.toString(16).padStart(8, '0')}0000${body}`
/** Opens a stream: the callee in the meta of the request. */
const init = (id: number, callee: string) =>
  trpc(1, id, `0a03120${callee.length}${Buffer.from(callee).toString('hex')}`)

it('tRPC: what opens a stream is routed by its callee, and the rest of the stream goes the same way', async () => {
  const { a, b, dial } = await streams('trpc', 'callee', 'bound')
  const [one, two] = [dial(), dial()]
  const first = [init(7, 'a'), trpc(2, 7, 'c0ffee'), trpc(3, 7, '0801'), trpc(4, 7)]
  const second = [init(7, 'b'), trpc(2, 7, 'beef')]
  // In pieces that are no frames, and of two clients by turns.
  for (let n = 0; n < first.length; n++) {
    one.send(first[n]!.slice(0, 20))
    one.send(first[n]!.slice(20))
    if (second[n]) two.send(second[n]!)
  }
  await comesTrue(() => one.got === first.join('') && two.got === second.join(''), 'all comes back')
  expect([a.got, b.got]).toEqual([first.join(''), second.join('')])
})

it('tRPC: on shared connections a stream is nobody’s, and that is counted', async () => {
  const { a, proxy, dial } = await streams('trpc', 'callee', 'shared')
  const client = dial()
  client.send(init(7, 'a') + trpc(2, 7, 'c0ffee'))
  await comesTrue(() => proxy.listeners[0]!.counters[L.downstream_push_dropped] === 2)
  expect(a.got).toBe('')
})

/** A frame of bRPC: its mark, what it has in its meta and behind that. */
const brpc = (mark: 'PRPC' | 'STRM', meta: string, body = '') => {
  const word = (n: number) => n.toString(16).padStart(8, '0')
  return `${Buffer.from(mark).toString('hex')}${word((meta.length + body.length) / 2)}${word(meta.length / 2)}${meta}${body}`
}

it('bRPC: frames of a stream follow the call that opened it, and pass in both directions', async () => {
  const { a, b, dial } = await streams('brpc', 'service', 'bound')
  const client = dial()
  // service "b", method "m", correlation 5, and the settings of stream 9.
  const call = brpc('PRPC', '0a060a016212016d' + '2005' + '42020809')
  const frames = [brpc('STRM', '08091803', '68656c6c6f'), brpc('STRM', '08091802')]
  client.send(call)
  await comesTrue(() => b.got === call)
  client.send(frames.join(''))
  await comesTrue(() => b.got === call + frames.join(''))
  await comesTrue(() => client.got.endsWith(frames.join('')), 'what the server sends comes, too')
  expect(a.got).toBe('')
})
