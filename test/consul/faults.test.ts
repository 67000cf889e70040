import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CONSUL_DEFAULTS, ConsulDiscovery, KvLedger, KvSource } from '../../controlplane/consul/index.ts'
import { LiveConfig } from '../../controlplane/live-config.ts'
import { createMesh } from '../../controlplane/mesh.ts'
import { Discovery } from '../../controlplane/model/index.ts'
import { hasConsul, startConsul, type TestConsul } from '../helpers/consul.ts'
import { until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { startToxic, type Toxic, type ToxicProxy } from '../helpers/toxic.ts'
import { type ConsulBed, consulBed, served, stopBeds } from './bed.ts'

/** What a Consul may do, and what the mesh does then: the last good world stays, and it says how old that is. */

const HOST = 'web.service.consul'
const PORTS = [9001, 9002, 9003, 9004]
const ALL = ['9001 healthy', '9002 healthy', '9003 healthy', '9004 healthy']
const http = (status: string, headers: string, body: string) =>
  `HTTP/1.1 ${status}\r\n${headers}content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`

const FAULTS: readonly (readonly [string, Toxic])[] = [
  ['is gone', { kind: 'down' }],
  ['is half-open: connections stand, nothing comes', { kind: 'half-open' }],
  ['answers noise', { kind: 'garbage' }],
  ['cuts every answer in the middle', { kind: 'cut', bytes: 60 }],
  ['answers 500, no cluster leader', { kind: 'answer', bytes: http('500 Error', '', 'No cluster leader') }],
  ['answers 404 without an index', { kind: 'answer', bytes: http('404 Not Found', '', '') }],
  ['answers 200 with no JSON', { kind: 'answer', bytes: http('200 OK', 'x-consul-index: 99999\r\n', '<html>') }],
  ['answers 200 with other JSON', { kind: 'answer', bytes: http('200 OK', 'x-consul-index: 99999\r\n', '{"a":1}') }],
  ['answers 429 to every call', { kind: 'answer', bytes: http('429 Too Many', '', 'slow down') }],
]

const settings = { probeMs: 200, waitMs: 1_000, confirmMs: 1_500, nameGraceMs: 500 }

const ruleFor = (host: string, timeout: string) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: rule}
spec: {hosts: [${host}], http: [{timeout: ${timeout}, route: [{destination: {host: ${host}}}]}]}
`

describe.skipIf(!(await hasConsul()))('a Consul that', () => {
  let consul: TestConsul
  let folder: string
  const register = (name: string, ports: readonly number[]) =>
    Promise.all(ports.map((port) => consul.register({ name, id: `${name}-${port}`, port })))

  beforeAll(async () => {
    folder = testFolder('test')
    consul = await startConsul()
  })

  it('has a document with an error goes on telling endpoints, and with garbage in its catalog configuration', async () => {
    const host = 'apart.service.consul'
    const edit = (timeout: string) => {
      const bytes = Buffer.from(ruleFor(host, timeout))
      const by = { who: 'a', why: 'test', source: 'api' as const, expected: new Map() }
      return ledger.apply([{ file: 'rules.yaml', bytes }], by)
    }
    await consul.register({ name: 'apart', id: 'p1', port: 9101 })
    const log = { info: () => {}, warn: () => {} }
    const ledger = await KvLedger.open({
      ...{ address: { url: consul.url }, prefix: 't/apart', mirror: join(folder, 'apart'), log },
    })
    await edit('3s')
    const catalog = await startToxic(consul.httpPort)
    const discovery = new Discovery()
    const mesh = createMesh({ discovery })
    const config = new LiveConfig(new KvSource(ledger), mesh)
    const quick = { ...CONSUL_DEFAULTS, ...settings, url: catalog.url }
    const source = new ConsulDiscovery({ discovery, settings: quick, cacheFile: undefined, log })
    stopAfterTests(async () => {
      await source.stop()
      await config.stop()
      await ledger.close()
    })
    await config.start()
    await source.start()
    await source.whenReady()
    const endpoints = () => served({ mesh }, host)
    /** What proxies get as the rule's timeout. */
    const routed = () =>
      /timeout["\s:]+(\d+s)/.exec(JSON.stringify(mesh.model.world.all('VirtualService')[0]?.spec))?.[1]
    await until(endpoints, (list) => list.join() === '9101 healthy')
    expect(routed()).toBe('3s')

    await edit('never')
    await until(
      () => config.documentDiagnostics(),
      (list) => list.some(({ severity, path }) => severity === 'error' && path?.endsWith('timeout')),
    )
    await consul.register({ name: 'apart', id: 'p2', port: 9102 })
    await until(endpoints, (list) => list.join() === '9101 healthy,9102 healthy')
    expect(routed()).toBe('3s')

    await catalog.set({ kind: 'garbage' }, true)
    await until(
      () => source.state(),
      ({ state }) => state === 'lost',
    )
    await edit('5s')
    await until(routed, (timeout) => timeout === '5s')
    expect(endpoints()).toEqual(['9101 healthy', '9102 healthy'])

    await catalog.set({ kind: 'none' }, true)
    await consul.deregister('p1')
    await until(endpoints, (list) => list.join() === '9102 healthy')
  })

  /** Each has a way of its own to the one Consul, and a service of its own: most of what they do is wait. */
  describe.concurrent('for a while', () => {
    let services = 0
    const start = async () => {
      const name = `s${++services}`
      const host = `${name}.service.consul`
      await register(name, PORTS)
      const toxic = await startToxic(consul.httpPort)
      const bed = await consulBed(toxic.url, '', settings)
      const endpoints = () => served(bed, host)
      await until(endpoints, (list) => list.length === 4)
      const stop = async () => {
        await bed.stop()
        await toxic.stop()
      }
      return { name, toxic, bed, endpoints, stop }
    }

    it.each(FAULTS)(
      '%s: the last good endpoints stay, and it is told; afterwards changes come again',
      async (_, fault) => {
        const { name, toxic, bed, endpoints, stop } = await start()
        await toxic.set(fault, true)
        await until(
          () => bed.source.state(),
          ({ state }) => state === 'lost',
        )
        expect(endpoints()).toEqual(ALL)
        const { ageMs, error } = bed.source.state()
        expect(ageMs).toBeGreaterThan(0)
        expect(error).toContain(toxic.url)
        expect(bed.warnings.length).toBeGreaterThan(0)
        await toxic.set({ kind: 'none' }, true)
        await register(name, [9005])
        await until(endpoints, (list) => list.includes('9005 healthy'))
        const { ageMs: after, held } = await until(
          () => bed.source.state(),
          ({ state }) => state === 'ok',
        )
        expect([after, held]).toEqual([0, []])
        await stop()
      },
    )

    it('is slow by 5 s: changes come late, it is told as slow and not as lost, and nothing else happens', async () => {
      const { name, toxic, bed, endpoints, stop } = await start()
      await toxic.set({ kind: 'latency', ms: 5_000 })
      await register(name, [9005])
      await until(endpoints, (list) => list.includes('9005 healthy'), { withinMs: 60_000 })
      expect(endpoints()).toHaveLength(5)
      const { error, held } = await until(
        () => bed.source.state(),
        ({ state, error: complaint }) => state === 'degraded' && /takes \d+ ms to answer/.test(complaint ?? ''),
      )
      expect([error?.startsWith(toxic.url), held]).toEqual([true, []])
      await stop()
    }, 120_000)

    it('is not asked in a spin, whatever it answers', async () => {
      const { toxic, bed, endpoints, stop } = await start()
      const before = bed.source.state().requests
      await toxic.set({ kind: 'answer', bytes: http('200 OK', 'x-consul-index: 77777\r\n', '{}') }, true)
      await new Promise((resolve) => setTimeout(resolve, 2_000))
      expect(bed.source.state().requests - before).toBeLessThan(100)
      expect(endpoints()).toEqual(ALL)
      await stop()
    })
  })

  describe('now has less than before, or is away at the start,', () => {
    let toxic: ToxicProxy
    beforeAll(async () => {
      toxic = await startToxic(consul.httpPort)
    })
    /** Whatever a test did: the next one finds a Consul that is well and has these four. */
    beforeEach(async () => {
      await stopBeds()
      await toxic.set({ kind: 'none' }, true)
      const there = Object.keys((await consul.call('GET', '/v1/agent/services')) as Record<string, unknown>)
      for (const id of there) if (!PORTS.some((port) => id === `web-${port}`)) await consul.deregister(id)
      await register('web', PORTS)
    })
    afterEach(stopBeds)

    /** What is held stays so until the test looks, however slow the machine is. */
    const patient = { ...settings, confirmMs: 60_000, nameGraceMs: 60_000 }
    const start = async (cache?: string, more = settings): Promise<ConsulBed> => {
      const bed = await consulBed(toxic.url, '', more, cache)
      await until(
        () => served(bed, HOST),
        (list) => list.length === 4,
      )
      return bed
    }

    it('loses most instances at once: taken when it stays so, or when a person says so', async () => {
      const bed = await consulBed(toxic.url, '', patient)
      await until(
        () => served(bed, HOST),
        (list) => list.length === 4,
      )
      for (const port of [9001, 9002, 9003, 9004]) await consul.deregister(`web-${port}`)
      const state = await until(
        () => bed.source.state(),
        ({ held }) => held.some(({ what, now }) => what === HOST && now === 0),
      )
      expect(state.held).toContainEqual(expect.objectContaining({ what: HOST, why: 'empty' }))
      expect(served(bed, HOST).filter((one) => one.endsWith('healthy'))).not.toEqual([])
      expect(bed.source.confirm(HOST)).toBe(1)
      // Nobody healthy is left; those that left are still listed while they drain.
      expect(served(bed, HOST).filter((one) => one.endsWith('healthy'))).toEqual([])
    })

    it('comes back empty: nothing is removed before it stayed so for its time; what returns meanwhile is no loss', async () => {
      const bed = await start(undefined, patient)
      await consul.restart()
      const state = await until(
        () => bed.source.state(),
        ({ held }) => held.length > 0,
      )
      expect(state.held.every(({ why }) => why === 'went back' || why === 'empty')).toBe(true)
      expect(served(bed, HOST)).toEqual(ALL)
      await register('web', [9001, 9002, 9003, 9004])
      await until(
        () => bed.source.state(),
        ({ held }) => held.length === 0,
      )
      // Three of four are enough to believe in: the last to come may drain for a moment.
      await until(
        () => served(bed, HOST),
        (list) => list.join() === ALL.join(),
      )
    })

    it('answers at the start, late: that counts, not what an earlier process knew, which may have ended since', async () => {
      const cache = join(folder, 'older.json')
      const first = await start(cache)
      await first.stop()
      await consul.deregister('web-9001')
      await register('web', [9005])
      await toxic.set({ kind: 'latency', ms: 400, jitterMs: 0 })
      // It waits for that long before it believes in what was known: longer than an answer may take.
      const second = await consulBed(toxic.url, '', patient, cache)
      const seen = new Set<string>()
      await until(
        () => {
          const list = served(second, HOST)
          for (const one of list) seen.add(one)
          return list
        },
        (list) => list.length === 4,
      )
      expect([...seen]).not.toContain('9001 healthy')
      expect([...seen]).toContain('9005 healthy')
    })

    it('has lost most of it when the mesh starts too: what an earlier process knew stays until that is confirmed', async () => {
      const cache = join(folder, 'fuller.json')
      const first = await start(cache)
      await first.stop()
      await consul.restart()
      const second = await consulBed(toxic.url, '', patient, cache)
      await until(
        () => served(second, HOST),
        (list) => list.length === 4,
      )
      expect(second.source.state().held).not.toEqual([])
      await register('web', [9001, 9002, 9003, 9004])
      await until(
        () => second.source.state(),
        ({ held }) => held.length === 0,
      )
    })

    it('is not there at the start: what an earlier process knew is served; without that nobody is told anything', async () => {
      const cache = join(folder, 'cache.json')
      const first = await start(cache)
      await first.stop()
      await toxic.set({ kind: 'down' })
      const second = await consulBed(toxic.url, '', settings, cache)
      await second.source.whenReady()
      await until(
        () => served(second, HOST),
        (list) => list.length === 4,
      )
      expect(second.source.state().ageMs).toBeGreaterThan(0)
      const third = await consulBed(toxic.url, '', settings)
      expect(third.source.ready).toBe(false)
      await toxic.set({ kind: 'none' })
      await third.source.whenReady()
    })
  })
})
