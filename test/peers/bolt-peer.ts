import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { freePort, portOpen } from '../helpers/ports.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { callRules, expectFairShare, type Peer } from './mesh.ts'
import { npmFolder, npmPackage } from './packages.ts'

/** The part of npm `sofa-rpc-node` that is used. */
interface Consumer {
  ready(): Promise<void>
  invoke(method: string, args: readonly unknown[], options: { readonly responseTimeout: number }): Promise<unknown>
}
interface SofaRpc {
  readonly client: {
    readonly RpcClient: new (options: object) => { createConsumer(options: object): Consumer; close(): void }
  }
  readonly server: {
    readonly RpcServer: new (
      options: object,
    ) => {
      addService(service: object, methods: object): void
      start(): Promise<void>
      close(): Promise<void>
    }
  }
}

/** The part of npm `sofa-bolt-node` that says which version is spoken. */
interface SofaBolt {
  encoder(options: object): object
  decoder(options: object): {
    on(event: 'response', heard: (packet: { readonly options: { readonly protocolType: string } }) => void): unknown
  }
}

/** Requests of version 2, with checksums; `heard` gets the version of each answer, which servers give in that of the request. */
async function versionTwo(heard: string[]): Promise<SofaBolt> {
  const bolt = await npmPackage<SofaBolt>('sofa-bolt-node')
  return Object.assign(Object.create(bolt) as SofaBolt, {
    encoder: (options: object) =>
      Object.assign(bolt.encoder(options), { protocolType: 'bolt2', boltVersion: 2, crcEnable: true }),
    decoder: (options: object) => {
      const decoder = bolt.decoder(options)
      decoder.on('response', ({ options: { protocolType } }) => heard.push(protocolType))
      return decoder
    },
  })
}

const quiet = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} }
/** The client puts the service into the header, but with Hessian not the method: so each fate is a service. */
const fates = ['toA', 'toB', 'half', 'refused', 'slow', 'nobody'] as const
type Fate = (typeof fates)[number]
const serviceName = (fate: Fate) => `shop.${fate}`

async function server(name: string): Promise<number> {
  const { RpcServer } = (await npmPackage<SofaRpc>('sofa-rpc-node')).server
  const port = await freePort()
  const server = new RpcServer({ logger: quiet, port })
  for (const fate of fates)
    server.addService(
      { interfaceName: serviceName(fate) },
      {
        call: async (text: string) => {
          if (fate === 'slow') await sleep(5000)
          return `${name}:${text}`
        },
      },
    )
  await server.start()
  await portOpen(port)
  stopAfterTests(() => server.close())
  return port
}

/** SOFABolt with Hessian: servers and clients of npm `sofa-rpc-node`. */
export const boltPeer: Peer = {
  protocol: 'bolt',
  rules: callRules('bolt', 'service', (fate) => `"shop.${fate}:1.0"`),
  prepare: npmFolder,
  servers: async () => [await server('a'), await server('b')],
  tests: (edge) => {
    const connect = async (protocol?: SofaBolt) => {
      const { RpcClient } = (await npmPackage<SofaRpc>('sofa-rpc-node')).client
      const client = new RpcClient({ logger: quiet, ...(protocol && { protocol }) })
      stopAfterTests(async () => client.close())
      const consumers = new Map<Fate, Consumer>()
      return async (fate: Fate, text: string) => {
        const consumer =
          consumers.get(fate) ??
          client.createConsumer({ interfaceName: serviceName(fate), serverHost: `127.0.0.1:${edge()}` })
        consumers.set(fate, consumer)
        await consumer.ready()
        return consumer.invoke('call', [text], { responseTimeout: 20_000 })
      }
    }

    it('each service goes to its server', async () => {
      const call = await connect()
      expect(await call('toA', 'x')).toBe('a:x')
      expect(await call('toB', 'y')).toBe('b:y')
    })

    it('a split halves the calls of one service', async () => {
      const call = await connect()
      const texts = await Promise.all(Array.from({ length: 200 }, (_, n) => call('half', `${n}`)))
      expect(texts.map((text) => String(text).slice(2))).toEqual(Array.from({ length: 200 }, (_, n) => `${n}`))
      expectFairShare(texts.map((text) => String(text).slice(0, 1)))
    })

    it.each(['refused', 'nobody', 'slow'] as const)(
      '%s: an error of the protocol, and the connection goes on',
      async (fate) => {
        const call = await connect()
        await expect(call(fate, 'x')).rejects.toThrow()
        expect(await call('toB', 'after')).toBe('b:after')
      },
    )

    it('version 2 with checksums: services, a split, and errors the client takes for whole', async () => {
      const heard: string[] = []
      const call = await connect(await versionTwo(heard))
      expect(await call('toA', 'x')).toBe('a:x')
      expect(await call('toB', 'y')).toBe('b:y')
      const texts = await Promise.all(Array.from({ length: 60 }, (_, n) => call('half', `${n}`)))
      expect(texts.map((text) => String(text).slice(2))).toEqual(Array.from({ length: 60 }, (_, n) => `${n}`))
      for (const fate of ['refused', 'nobody', 'slow'] as const) await expect(call(fate, 'x')).rejects.toThrow()
      expect(await call('toB', 'after')).toBe('b:after')
      expect(heard).toEqual(Array.from({ length: 66 }, () => 'bolt2'))
    })
  },
}
