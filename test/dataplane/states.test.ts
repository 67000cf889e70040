import { once } from 'node:events'
import { connect, createServer, Server, Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, it, onTestFinished, vi } from 'vitest'
import { comesTrue } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePort } from '../helpers/ports.ts'
import { Bed, byId, encode, endpoints, GameClient, gameConfiguration, narrowGame, splitter } from './game.ts'

/** What comes while a listener or a connection is neither here nor there. */

const bed = new Bed()
afterEach(() => bed.close())

/** With a server as cluster `a`. */
async function served(parts: Partial<Parameters<typeof gameConfiguration>[0]>) {
  const server = await bed.server('a')
  return gameConfiguration({
    routes: [{ name: 'game', routes: [byId(1, 'a')] }],
    clusters: [{ name: 'a', localities: endpoints(server.port), balancer: { kind: 'roundRobin' } }],
    ...parts,
  })
}

it.each([
  ['of frames alone', {}, ''],
  ['with PROXY headers', { proxyProtocol: true }, 'PROXY UNKNOWN\r\n'],
] as const)(
  'a client of a new listener %s that comes while another is still being opened is served by its routes',
  async (_, more, header) => {
    const slow = join(testFolder('states'), 'slow')
    const port = await freePort()
    const base = await served({ listener: { address: { host: '127.0.0.1', port }, ...more } })
    let goOn = () => {}
    const listen = Server.prototype.listen
    const held = vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server, ...args: unknown[]) {
      const start = () => listen.apply(this, args as never)
      if ((args[0] as { readonly path?: string }).path === slow) goOn = start
      else start()
      return this
    } as never)
    onTestFinished(() => void held.mockRestore())
    const listeners = [base.listeners[0]!, { ...base.listeners[0]!, name: 'slow', address: { path: slow } }]
    const proxy = bed.proxy({ ...base, listeners })
    const reached = async () => {
      const socket = connect({ host: '127.0.0.1', port })
      const there = await Promise.race([
        once(socket, 'connect').then(() => true),
        once(socket, 'close').then(() => false),
      ]).catch(() => false)
      if (!there) return false
      bed.defer(() => void socket.destroy())
      const answer = new Promise<string>((resolve) => {
        socket.on(
          'data',
          splitter(({ body }) => resolve(String(body))),
        )
        socket.on('close', () => resolve('closed'))
      })
      socket.write(header + encode({ msgid: 1, seq: 1, body: 'early' }).toString('latin1'), 'latin1')
      answers.push(answer)
      return true
    }
    const answers: Promise<string>[] = []
    await comesTrue(reached, 'the first listener is open')
    // Another whole connection of this process: what came before it has been heard.
    await comesTrue(reached)
    goOn()
    await proxy
    expect(await Promise.all(answers)).toEqual(['a:early', 'a:early'])
  },
)

it('of a client that has ended its side and waits for a reply the kernel is asked whether it is still there', async () => {
  const asked = vi.spyOn(Socket.prototype, 'setKeepAlive')
  onTestFinished(() => void asked.mockRestore())
  const server = await bed.server('a')
  server.mute = true
  const route = byId(1, 'a', { timeoutMs: 0 })
  const clusters = [{ name: 'a', localities: endpoints(server.port), balancer: { kind: 'roundRobin' as const } }]
  const proxy = await bed.proxy(gameConfiguration({ routes: [{ name: 'game', routes: [route] }], clusters }))
  const client = bed.client(proxy, 'game', { allowHalfOpen: true })
  client.socket.end(encode({ msgid: 1, seq: 1 }))
  await comesTrue(() => asked.mock.calls.length > 0)
  expect(asked.mock.calls).toEqual([[true, 30_000]])
})

it('a listener whose protocol and address change at once, to an address that is taken, is there when that comes free', async () => {
  const base = await served({})
  const proxy = await bed.proxy(base)
  const taken = createServer()
  await once(taken.listen(0, '127.0.0.1'), 'listening')
  bed.defer(() => void taken.close())
  const { port } = taken.address() as { port: number }
  const changed = {
    ...base,
    protocols: [{ name: 'game', layout: narrowGame('u16') }],
    listeners: [{ ...base.listeners[0]!, address: { host: '127.0.0.1', port } }],
  }
  const wait = { kind: 'listener', name: 'game', message: expect.stringContaining('EADDRINUSE'), transient: true }
  expect(await proxy.apply(changed)).toEqual([wait])
  expect(await proxy.apply({ ...changed, version: 'again' })).toEqual([wait])
  await new Promise((resolve) => taken.close(resolve))
  expect(await proxy.apply({ ...changed, version: 'free' })).toEqual([])
  const client = new GameClient(port)
  bed.defer(() => client.close())
  expect(String((await client.ask({ msgid: 1, seq: 1, body: 'hi' })).body)).toBe('a:hi')
})

it('a listener whose limits and address change at once, to an address that is taken, stays as it was', async () => {
  const base = await served({ listener: { mode: 'shared', maxConnections: 5 } })
  const proxy = await bed.proxy(base)
  const client = bed.client(proxy)
  const taken = createServer()
  await once(taken.listen(0, '127.0.0.1'), 'listening')
  bed.defer(() => void taken.close())
  const { port } = taken.address() as { port: number }
  const [before] = base.listeners
  const changed = { ...before!, mode: 'bound' as const, maxConnections: 1, address: { host: '127.0.0.1', port } }
  expect(await proxy.apply({ ...base, listeners: [changed] })).toMatchObject([{ kind: 'listener', transient: true }])
  expect(proxy.listeners).toMatchObject([{ config: before, mode: 'shared', maxConnections: 5 }])
  expect(String((await client.ask({ msgid: 1, seq: 1, body: 'hi' })).body)).toBe('a:hi')
  // Where it stands, limits may change.
  expect(await proxy.apply({ ...base, listeners: [{ ...before!, maxConnections: 1 }] })).toEqual([])
  expect(proxy.listeners).toMatchObject([{ mode: 'shared', maxConnections: 1 }])
})
