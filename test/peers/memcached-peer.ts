import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { freePort, portOpen } from '../helpers/ports.ts'
import { spawnForTest, stopAfterTests } from '../helpers/processes.ts'
import { expectFairShare, type Peer } from './mesh.ts'
import { npmFolder, npmPackage, run } from './packages.ts'

interface MemcachedClient {
  get(key: string): Promise<{ readonly value: Buffer | null }>
  set(key: string, value: string, options: object): Promise<boolean>
  increment(key: string, amount: number, options: object): Promise<{ readonly value: number | null }>
  delete(key: string): Promise<boolean>
  close(): void
}

async function connected(port: number): Promise<MemcachedClient> {
  const { Client } = await npmPackage<{ Client: { create(servers: string, options: object): MemcachedClient } }>(
    'memjs',
  )
  const quiet = { log: () => undefined }
  const client = Client.create(`127.0.0.1:${port}`, { retries: 0, timeout: 30, conntimeout: 30, logger: quiet })
  stopAfterTests(async () => client.close())
  return client
}

async function server(name: string): Promise<number> {
  const port = await freePort()
  // It refuses to run as root without a user.
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  await spawnForTest({ command: 'memcached', args: ['-l', '127.0.0.1', '-p', String(port), '-U', '0', ...user] })
  await portOpen(port)
  await (await connected(port)).set('half:who', name, {})
  return port
}

const host = 'echo.memcached'

/** A command of the binary form without extras or a value. */
function command(opcode: number, key: string, opaque: number): Buffer {
  const header = Buffer.alloc(24)
  header[0] = 0x80
  header[1] = opcode
  header.writeUInt16BE(key.length, 2)
  header.writeUInt32BE(key.length, 8)
  header.writeUInt32BE(opaque, 12)
  return Buffer.concat([header, Buffer.from(key)])
}

/** memcached's binary form by the document of the examples: two `memcached` and npm `memjs`. */
export const memcachedPeer: Peer = {
  protocol: 'memcached',
  document: () => readFile(fileURLToPath(new URL('../../examples/protocols/memcached.yaml', import.meta.url)), 'utf8'),
  rules: {
    a: `match: [{key: {prefix: "a:"}}], svrName: ${host}, subset: a`,
    b: `match: [{key: {prefix: "b:"}}], svrName: ${host}, subset: b`,
    half: `match: [{key: {prefix: "half:"}}], route: [{destination: {host: ${host}, subset: a}, weight: 50}, {destination: {host: ${host}, subset: b}, weight: 50}]`,
    refused: `match: [{key: {prefix: "refused:"}}], svrName: ${host}, fault: {abort: {percentage: {value: 100}}}`,
    noop: `match: [{opcode: [noop, stat]}], svrName: ${host}, subset: a`,
  },
  prepare: () => Promise.all([run('memcached', ['-V']), npmFolder()]),
  servers: async () => [await server('a'), await server('b')],
  tests: (edge) => {
    const text = async (client: MemcachedClient, key: string) => (await client.get(key)).value?.toString()

    it('each key goes to its server', async () => {
      const client = await connected(edge())
      await client.set('a:1', 'in a', {})
      await client.set('b:1', 'in b', {})
      expect(await Promise.all(['b:1', 'a:1', 'a:none'].map((key) => text(client, key)))).toEqual([
        'in b',
        'in a',
        undefined,
      ])
      expect((await client.increment('b:n', 5, { initial: 7 })).value).toBe(7)
      expect(await client.delete('b:1')).toBe(true)
      expect(await text(client, 'b:1')).toBeUndefined()
    })

    it('a split halves the clients that read one key', async () => {
      const names = await Promise.all(
        Array.from({ length: 200 }, async () => text(await connected(edge()), 'half:who')),
      )
      expectFairShare(names.map(String))
    })

    it('a fault and a key without a route are errors of the protocol', async () => {
      const client = await connected(edge())
      await expect(client.get('refused:1')).rejects.toThrow()
      await expect(client.get('nowhere')).rejects.toThrow()
      await client.set('a:2', 'still here', {})
      expect(await text(client, 'a:2')).toBe('still here')
    })

    it('statistics come name by name as one reply, and what is asked behind them is answered behind them', async () => {
      const socket = connect(edge(), '127.0.0.1')
      stopAfterTests(async () => void socket.destroy())
      let received = Buffer.alloc(0)
      socket.on('data', (chunk) => {
        received = Buffer.concat([received, chunk])
      })
      socket.write(Buffer.concat([command(0x10, '', 5), command(0x0a, '', 6)]))
      const frames = () => {
        const seen: { readonly opaque: number; readonly key: string }[] = []
        for (let at = 0; at + 24 <= received.length; at += 24 + received.readUInt32BE(at + 8)) {
          const key = received.toString('latin1', at + 24, at + 24 + received.readUInt16BE(at + 2))
          seen.push({ opaque: received.readUInt32BE(at + 12), key })
        }
        return seen
      }
      await eventually(() => expect(frames().at(-1)).toEqual({ opaque: 6, key: '' }))
      const names = frames().filter(({ opaque }) => opaque === 5)
      expect(names.length).toBeGreaterThan(10)
      expect(names.map(({ key }) => key)).toContain('pid')
      expect(names.findIndex(({ key }) => key === '')).toBe(names.length - 1)
    })

    it('quiet questions are answered where there is something to say, before the command behind them', async () => {
      await (await connected(edge())).set('a:3', 'there', {})
      const socket = connect(edge(), '127.0.0.1')
      stopAfterTests(async () => void socket.destroy())
      let received = Buffer.alloc(0)
      socket.on('data', (chunk) => {
        received = Buffer.concat([received, chunk])
      })
      socket.write(Buffer.concat([command(0x0d, 'a:none', 1), command(0x0d, 'a:3', 2), command(0x0a, '', 3)]))
      const opaques = () => {
        const seen: number[] = []
        for (let at = 0; at + 24 <= received.length; at += 24 + received.readUInt32BE(at + 8))
          seen.push(received.readUInt32BE(at + 12))
        return seen
      }
      await eventually(() => expect(opaques()).toEqual([2, 3]))
    })
  },
}
