import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import type { Peer } from './mesh.ts'
import { npmFolder, npmPackage } from './packages.ts'

interface Packet {
  readonly topic: string
  readonly payload: Buffer
}
interface Broker {
  handle(socket: Socket): void
  close(): void
  on(event: 'publish', listener: (packet: Packet, client: { readonly id: string } | null) => void): void
}
interface MqttClient {
  readonly connected: boolean
  on(event: 'message', listener: (topic: string, payload: Buffer) => void): void
  subscribeAsync(topic: string, options?: object): Promise<unknown>
  publishAsync(topic: string, text: string, options?: object): Promise<unknown>
  endAsync(force?: boolean): Promise<void>
}
interface Mqtt {
  connectAsync(url: string, options: object): Promise<MqttClient>
  connect(url: string, options: object): { once(event: 'connect' | 'close', listener: () => void): void; end(): void }
}

/** What each broker was told, as `client topic text`. */
const told = { a: [] as string[], b: [] as string[] }

async function broker(name: keyof typeof told): Promise<number> {
  const { Aedes } = await npmPackage<{ readonly Aedes: { createBroker(): Promise<Broker> } }>('aedes')
  const broker = await Aedes.createBroker()
  broker.on('publish', ({ topic, payload }, client) => {
    if (client) told[name].push(`${client.id} ${topic} ${payload}`)
  })
  const server = createServer((socket) => broker.handle(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stopAfterTests(async () => {
    broker.close()
    server.close()
  })
  return (server.address() as { port: number }).port
}

const host = 'echo.mqtt'

/** MQTT 3.1.1: two brokers of npm `aedes` and clients of npm `mqtt`. */
export const mqttPeer: Peer = {
  protocol: 'mqtt',
  rules: {
    a: `match: [{clientId: {prefix: a-}}], svrName: ${host}, subset: a`,
    b: `match: [{clientId: {prefix: b-}}], svrName: ${host}, subset: b`,
    half: `match: [{clientId: {prefix: half-}}], route: [{destination: {host: ${host}, subset: a}, weight: 50}, {destination: {host: ${host}, subset: b}, weight: 50}]`,
    refused: `match: [{clientId: {prefix: refused-}}], svrName: ${host}, fault: {abort: {percentage: {value: 100}}}`,
    audit: `match: [{topic: {prefix: audit/}}], svrName: ${host}, subset: b`,
  },
  prepare: npmFolder,
  servers: async () => [await broker('a'), await broker('b')],
  tests: (edge) => {
    const connect = async (clientId: string, keepalive = 60) => {
      const mqtt = await npmPackage<Mqtt>('mqtt')
      const url = `mqtt://127.0.0.1:${edge()}`
      const client = await mqtt.connectAsync(url, { clientId, protocolVersion: 4, reconnectPeriod: 0, keepalive })
      stopAfterTests(() => client.endAsync(true))
      return client
    }

    it('a session is routed by its client id; messages of every quality of service go both ways', async () => {
      const [reader, writer] = [await connect('b-reader'), await connect('b-writer')]
      const got: string[] = []
      reader.on('message', (topic, payload) => got.push(`${topic} ${payload}`))
      await reader.subscribeAsync('news/#', { qos: 2 })
      for (const qos of [0, 1, 2]) await writer.publishAsync('news/today', `quality ${qos}`, { qos })
      await eventually(() => expect(got).toEqual([0, 1, 2].map((qos) => `news/today quality ${qos}`)))
      expect(told.b.filter((line) => line.startsWith('b-writer'))).toHaveLength(3)
      expect(told.a.filter((line) => line.startsWith('b-'))).toEqual([])
    })

    it('a topic may have a route of its own: the other broker hears the handshake first', async () => {
      const client = await connect('a-teller')
      await client.publishAsync('plain/1', 'stays', { qos: 1 })
      await client.publishAsync('audit/1', 'moves', { qos: 1 })
      await eventually(() => expect(told.b).toContain('a-teller audit/1 moves'))
      expect(told.a.filter((line) => line.startsWith('a-teller'))).toEqual(['a-teller plain/1 stays'])
    })

    it('a session without messages stays: pings reach the broker', async () => {
      const client = await connect('a-idle', 4)
      // aedes ends a session after one and a half times the keepalive.
      await new Promise((resolve) => setTimeout(resolve, 8_500))
      expect(client.connected).toBe(true)
      await client.publishAsync('plain/2', 'still here', { qos: 1 })
      expect(told.a).toContain('a-idle plain/2 still here')
    })

    it('a split halves the sessions, and each keeps its broker', async () => {
      const names = await Promise.all(
        Array.from({ length: 40 }, async (_, n) => {
          const client = await connect(`half-${n}`)
          await client.publishAsync('who', '1', { qos: 1 })
          await client.publishAsync('who', '2', { qos: 1 })
          await client.endAsync()
        }),
      )
      const by = (lines: readonly string[]) => lines.filter((line) => line.startsWith('half-')).length
      expect(by(told.a) + by(told.b)).toBe(2 * names.length)
      expect(by(told.a) % 2).toBe(0)
      // 40 throws of a fair coin: each side more than 4 times but once in twenty million.
      expect(by(told.a)).toBeGreaterThan(8)
      expect(by(told.b)).toBeGreaterThan(8)
    })

    it('a fault refuses the session, and a client id without a route has none', async () => {
      const mqtt = await npmPackage<Mqtt>('mqtt')
      for (const clientId of ['refused-1', 'nobody']) {
        const client = mqtt.connect(`mqtt://127.0.0.1:${edge()}`, { clientId, protocolVersion: 4, reconnectPeriod: 0 })
        const what = await new Promise((resolve) => {
          for (const event of ['connect', 'close'] as const) client.once(event, () => resolve(event))
        })
        expect(what).toBe('close')
        client.end()
      }
    })
  },
}
