import { connect, createServer } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import type { MessageRoute } from '../../dataplane/configuration.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, endpoints } from './game.ts'

/**
 * Protocols whose login is answered as any request is: the client's frame is a handshake, the upstream's a response with its id. It joins no request,
 * and is the client's all the same.
 */

const bed = new Bed()
afterEach(() => bed.close())

const document = `
apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: rpg}
spec:
  frame: {length: {at: 0, type: u8, counts: all}}
  message:
    kind: [{is: handshake, when: {role: 1, command: 1}}, {is: request, when: {role: 1}}, {is: response, when: {role: 2}}, {is: push, when: {role: 3}}]
    id: {at: 3, type: u8}
  fields:
    role: {at: 1, type: u8, writable: false}
    command: {at: 2, type: u8}
    who: {at: 4, type: str, size: rest}
  reply: {error: close}
  connections: [bound]
`
const frame = (role: number, command: number, id: number, who = '') =>
  Buffer.from([4 + who.length, role, command, id, ...Buffer.from(who)])

function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at < bytes.length && at + bytes[at]! <= bytes.length; at += bytes[at]!)
    frames.push(bytes.subarray(at, at + bytes[at]!))
  return frames
}

/** Answers each frame of a client with its name, a login twice, and says what it got. */
async function server(name: string): Promise<{ port: number; got: Buffer[] }> {
  const got: Buffer[] = []
  const listening = createServer((socket) => {
    let held = Buffer.alloc(0)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      held = Buffer.concat([held, chunk])
      for (const one of framesOf(held)) {
        held = held.subarray(one.length)
        got.push(Buffer.from(one))
        const answer = frame(2, one[2]!, one[3]!, name)
        socket.write(one[2] === 1 ? Buffer.concat([answer, frame(3, 9, 0, 'hi'), answer]) : answer)
      }
    })
  })
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  bed.defer(() => void listening.close())
  return { port: (listening.address() as { port: number }).port, got }
}

it('a login that is answered by a response gets that one, once; an upstream named later hears the login and its answer is dropped', async () => {
  const [home, other] = [await server('home'), await server('other')]
  const route = (exact: number, cluster: string): MessageRoute => ({
    name: cluster,
    match: [{ field: 'command', exact: String(exact) }],
    action: { destinations: [{ cluster, weight: 1 }] },
  })
  const proxy = await bed.proxy({
    version: '1',
    protocols: [{ name: 'rpg', document }],
    listeners: [{ name: 'l', address: { host: '127.0.0.1', port: 0 }, protocol: 'rpg', routes: 'r', mode: 'bound' }],
    routes: [{ name: 'r', routes: [route(1, 'home'), route(7, 'other')] }],
    clusters: [
      { name: 'home', localities: endpoints(home.port), balancer: { kind: 'roundRobin' } },
      { name: 'other', localities: endpoints(other.port), balancer: { kind: 'roundRobin' } },
    ],
  })
  const { port } = proxy.address('l') as { port: number }
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  bed.defer(() => void socket.destroy())
  let received = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
  })
  const has = (count: number) => comesTrue(() => framesOf(received).length === count, `${count} frames`)
  socket.write(frame(1, 1, 40))
  await has(2)
  socket.write(frame(1, 5, 41))
  await has(3)
  socket.write(frame(1, 7, 42))
  await has(5)
  expect(framesOf(received).map((one) => one.toString('hex'))).toEqual(
    [
      frame(2, 1, 40, 'home'),
      frame(3, 9, 0, 'hi'),
      frame(2, 5, 41, 'home'),
      frame(3, 9, 0, 'hi'),
      frame(2, 7, 42, 'other'),
    ].map((one) => one.toString('hex')),
  )
  expect(home.got).toEqual([frame(1, 1, 40), frame(1, 5, 41)])
  expect(other.got).toEqual([frame(1, 1, 40), frame(1, 7, 42)])
  expect(proxy.engine.requests.used).toBe(0)
})
