import { connect, createServer } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, endpoints } from './game.ts'

const bed = new Bed()
afterEach(() => bed.close())

/** A request has its id twice, and they may differ; a server repeats the first alone. */
const document = `
apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: twice}
spec:
  frame: {length: {at: 0, type: u8, counts: all}}
  variants:
    - {name: ask, from: client, message: {kind: request, id: [{at: 1, type: u32}, {at: 5, type: u32}]}}
    - {name: answer, from: upstream, message: {kind: response, id: {at: 1, type: u32}}}
  reply: {error: close}
  connections: [bound]
`
const frame = (...words: number[]) => {
  const bytes = Buffer.alloc(1 + 4 * words.length)
  bytes[0] = bytes.length
  for (const [i, word] of words.entries()) bytes.writeUInt32BE(word, 1 + 4 * i)
  return bytes
}

it('a reply with half of the id finds its request, the first that has it', async () => {
  const seen: Buffer[] = []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      seen.push(chunk)
      const all = Buffer.concat(seen)
      if (all.length === 27) socket.write(Buffer.concat([frame(8), frame(7), frame(6), frame(7)]))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  bed.defer(() => void server.close())
  const proxy = await bed.proxy({
    version: '1',
    protocols: [{ name: 'twice', document }],
    listeners: [{ name: 'l', address: { host: '127.0.0.1', port: 0 }, protocol: 'twice', routes: 'r', mode: 'bound' }],
    routes: [
      { name: 'r', routes: [{ name: 'all', match: [], action: { destinations: [{ cluster: 'a', weight: 1 }] } }] },
    ],
    clusters: [
      {
        name: 'a',
        localities: endpoints((server.address() as { port: number }).port),
        balancer: { kind: 'roundRobin' },
      },
    ],
  })
  const socket = connect({ host: '127.0.0.1', port: (proxy.address('l') as { port: number }).port, noDelay: true })
  bed.defer(() => void socket.destroy())
  let received = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
  })
  socket.write(Buffer.concat([frame(7, 1), frame(7, 2), frame(8, 8)]))
  await comesTrue(() => received.length === 15, 'three replies, and none for an id nobody has')
  expect(received).toEqual(Buffer.concat([frame(8), frame(7), frame(7)]))
  expect(proxy.engine.requests.used).toBe(0)
})
