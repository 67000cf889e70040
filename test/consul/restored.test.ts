import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { ConsulHttp, Kv, KvLedger } from '../../controlplane/consul/index.ts'
import { hasConsul, startConsul, type TestConsul } from '../helpers/consul.ts'
import { until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { type ConsulBed, consulBed, served } from './bed.ts'

/** A real Consul that is another than it was: restored from a snapshot, in a datacenter of another name; and clocks that jump. */

const HOST = 'web.service.consul'

describe.skipIf(!(await hasConsul()))('a Consul that is another than it was', () => {
  let consul: TestConsul
  let folder: string
  const settings = { probeMs: 200, waitMs: 1_000, confirmMs: 1_500, nameGraceMs: 500 }

  beforeAll(async () => {
    folder = testFolder('test')
    consul = await startConsul()
    await register(consul)
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const register = (on: TestConsul) =>
    Promise.all([9001, 9002, 9003].map((port) => on.register({ name: 'web', id: `w${port}`, port })))
  /** An instance that no agent knows of, and none brings back. */
  const external = (port: number) =>
    consul.call('PUT', '/v1/catalog/register', {
      ...{ Node: 'elsewhere', Address: '127.0.0.1' },
      Service: { Service: 'web', ID: `w${port}`, Address: '127.0.0.1', Port: port },
    })
  const healthy = (bed: ConsulBed) => served(bed, HOST).filter((one) => one.endsWith(' healthy'))
  const all = (...ports: number[]) => ports.map((port) => `${port} healthy`).join()
  const holds = (bed: ConsulBed, list: string) =>
    until(
      () => healthy(bed).join(),
      (seen) => seen === list,
    )

  it('after a restore of its past, instances it does not know any more stay until that stayed so', async () => {
    const bed = await consulBed(consul.url, '', settings)
    await holds(bed, all(9001, 9002, 9003))
    const snapshot = await consul.snapshot()
    await external(9004)
    await external(9005)
    await holds(bed, all(9004, 9005, 9001, 9002, 9003))
    await consul.restore(snapshot)
    const { held } = await until(
      () => bed.source.state(),
      (state) => state.held.some(({ what }) => what === HOST),
    )
    expect(held).toContainEqual(expect.objectContaining({ what: HOST, why: 'went back', before: 5, now: 3 }))
    expect(healthy(bed)).toHaveLength(5)
    await holds(bed, all(9001, 9002, 9003))
    await expect.poll(() => bed.source.state()).toMatchObject({ state: 'ok', held: [] })
    await bed.stop()
  })

  it('after a restore of its past, the configuration is that of the past on every replica, which say so', async () => {
    const warnings: string[] = []
    const open = (name: string) =>
      KvLedger.open({
        ...{ address: { url: consul.url }, prefix: 'mesh', mirror: join(folder, name) },
        log: { info: () => {}, warn: (_, message) => warnings.push(message) },
      })
    const ledgers = [await open('a'), await open('b')] as const
    const [a, b] = ledgers
    const apply = (ledger: KvLedger, text: string) =>
      ledger.apply([{ file: 'x.yaml', bytes: Buffer.from(text) }], {
        ...{ who: 'a', why: text, source: 'api', expected: new Map() },
      })
    await apply(a, 'a: 1\n')
    const snapshot = await consul.snapshot()
    await apply(a, 'a: 2\n')
    await apply(a, 'a: 3\n')
    await until(
      () => b.head,
      (head) => head === 3,
    )
    await consul.restore(snapshot)
    // A query that waits for an index of the future ends with its time; who asks meanwhile need not wait for that.
    for (const ledger of ledgers) await ledger.sync()
    expect(ledgers.map(({ head }) => head)).toEqual([1, 1])
    expect(warnings).toContainEqual(expect.stringMatching(/revision 3.*revision 1/))
    expect((await apply(b, 'a: other\n')).id).toBe(2)
    await until(
      () => a.read('x.yaml')?.toString(),
      (text) => text === 'a: other\n',
    )
    for (const ledger of ledgers) await ledger.close()
  })

  it('another history that can be read in part only takes the place of nothing: what is known is served, also by the next process', async () => {
    const open = () =>
      KvLedger.open({
        ...{ address: { url: consul.url }, prefix: 'torn', mirror: join(folder, 'torn') },
        log: { info: () => {}, warn: () => {} },
      })
    const kv = new Kv(new ConsulHttp({ url: consul.url }))
    const by = { who: 'a', why: 'a', source: 'api' as const, expected: new Map() }
    const ledger = await open()
    await ledger.apply([{ file: 'x.yaml', bytes: Buffer.from('a: 1\n') }], by)
    await ledger.apply([{ file: 'x.yaml', bytes: Buffer.from('a: 2\n') }], by)
    // Another history of one revision, whose content is not there: it is being restored.
    await consul.call('DELETE', '/v1/kv/torn/?recurse=true')
    const manifest = 'f'.repeat(64)
    const revision = { manifest, at: 1, who: 'b', why: 'b', source: 'api', request: 'r', files: [] }
    await kv.put('torn/rev/000000000001', JSON.stringify(revision))
    await kv.put('torn/head', JSON.stringify({ revision: 1, manifest }))
    await expect(ledger.sync()).rejects.toThrow(/missing in Consul/)
    expect([ledger.head, ledger.read('x.yaml')?.toString()]).toEqual([2, 'a: 2\n'])
    await ledger.close()
    const next = await open()
    expect([next.head, next.read('x.yaml')?.toString()]).toEqual([2, 'a: 2\n'])
    expect(next.error).toMatch(/missing in Consul/)
    const empty = createHash('sha256').update('[]').digest('hex')
    await kv.put(`torn/man/${empty}`, 'r[]')
    await kv.put('torn/rev/000000000001', JSON.stringify({ ...revision, manifest: empty }))
    await kv.put('torn/head', JSON.stringify({ revision: 1, manifest: empty }))
    await until(
      () => next.head,
      (head) => head === 1,
    )
    expect(next.files()).toEqual([])
    await next.close()
  })

  it('a clock that jumps makes nothing old, nothing lost, and takes no name before its time', async () => {
    const bed = await consulBed(consul.url, '', { ...settings, nameGraceMs: 600_000 })
    await holds(bed, all(9001, 9002, 9003))
    await consul.register({ name: 'short', port: 9009 })
    await until(
      () => served(bed, 'short.service.consul'),
      (list) => list.includes('9009 healthy'),
    )
    await consul.deregister('short')
    // A person says so, rather than time.
    await until(
      () => bed.source.confirm() > 0,
      (confirmed) => confirmed,
    )
    vi.useFakeTimers({ toFake: ['Date'] })
    for (const jumpMs of [86_400_000, -86_400_000]) {
      vi.setSystemTime(Date.now() + jumpMs)
      expect(bed.source.state()).toMatchObject({ state: 'ok', ageMs: 0 })
      // Names are looked through each second.
      const { requests } = bed.source.state()
      await until(
        () => bed.source.state().requests - requests,
        (count) => count > 8,
      )
      expect(served(bed, 'short.service.consul')).not.toEqual(['no service'])
      expect(bed.source.state()).toMatchObject({ state: 'ok', ageMs: 0 })
    }
    await bed.stop()
  })

  it('in a datacenter of another name, and empty: hosts stay, endpoints until that stayed so, and those that register again', async () => {
    const cache = join(folder, 'cache.json')
    // However long those that register again take on a busy machine.
    const patient = { ...settings, confirmMs: 60_000, nameGraceMs: 60_000 }
    const bed = await consulBed(consul.url, '', patient, cache)
    await holds(bed, all(9001, 9002, 9003))
    const seen = new Set<string>()
    const watching = setInterval(() => seen.add(healthy(bed).join()), 20)
    await consul.restart('moved')
    await register(consul)
    await consul.register({ name: 'new', port: 9010 })
    await until(
      () => served(bed, 'new.service.consul'),
      (list) => list.includes('9010 healthy'),
    )
    await until(
      () => bed.source.state(),
      ({ state, held }) => state === 'ok' && held.length === 0,
    )
    await holds(bed, all(9001, 9002, 9003))
    clearInterval(watching)
    expect([...seen]).toEqual([all(9001, 9002, 9003)])
    expect(bed.warnings).toContainEqual(expect.stringContaining('was dc1 and is moved'))
    await bed.stop()

    // And of one that was moved while nobody looked, by what was known before.
    await consul.restart('again')
    await register(consul)
    const second = await consulBed(consul.url, '', settings, cache)
    await holds(second, all(9001, 9002, 9003))
    await until(
      () => second.warnings,
      (list) => list.some((one) => one.includes('was moved and is again')),
    )
    await until(
      () => second.source.state(),
      ({ state, held }) => state === 'ok' && held.length === 0,
    )
    await second.stop()
  })
})
