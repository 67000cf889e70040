import { afterEach, expect, it } from 'vitest'
import { Bed } from './game.ts'
import { shortClient, shortProxy, shortServer } from './short-frames.ts'

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
  const server = await shortServer(bed, (_, socket) => {
    if (server.got.length === 3) socket.write(Buffer.concat([frame(8), frame(7), frame(6), frame(7)]))
  })
  const all = { name: 'all', match: [], action: { destinations: [{ cluster: 'a', weight: 1 }] } }
  const proxy = await shortProxy(bed, document, [all], { a: server.port })
  const client = shortClient(bed, proxy)
  client.socket.write(Buffer.concat([frame(7, 1), frame(7, 2), frame(8, 8)]))
  // None for an id nobody has.
  await client.has(3)
  expect(client.received).toEqual(Buffer.concat([frame(8), frame(7), frame(7)]))
  expect(proxy.engine.requests.used).toBe(0)
})
