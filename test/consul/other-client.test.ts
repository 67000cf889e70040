import { createHash } from 'node:crypto'
import { join } from 'node:path'
import Consul from 'consul'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KvLedger, SessionLock } from '../../controlplane/consul/index.ts'
import { hasConsul, startConsul, type TestConsul } from '../helpers/consul.ts'
import { until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { consulBed, served } from './bed.ts'

/** What another client of Consul (npm `consul`) writes we read, and what we write it reads: the layout is as it is described. */

describe.skipIf(!(await hasConsul()))('another client of Consul', () => {
  let consul: TestConsul
  let other: Consul
  let folder: string
  let ledger: KvLedger
  const by = { who: 'a', why: 'test', source: 'api' as const, expected: new Map() }

  beforeAll(async () => {
    folder = testFolder('test')
    consul = await startConsul()
    other = new Consul({ host: '127.0.0.1', port: consul.httpPort })
    ledger = await KvLedger.open({
      ...{ address: { url: consul.url }, prefix: 'mesh', mirror: join(folder, 'mirror') },
      log: { info: () => {}, warn: () => {} },
    })
  })
  afterAll(async () => {
    await ledger.close()
  })

  const json = async (key: string) => JSON.parse((await other.kv.get(key))!.Value!) as Record<string, unknown>

  it('finds head, revision and bytes where the layout says', async () => {
    await ledger.apply([{ file: 'x.yaml', bytes: Buffer.from('a: 1\n') }], by)
    const hash = createHash('sha256').update('a: 1\n').digest('hex')
    const head = await json('mesh/head')
    expect(head).toEqual({ revision: 1, manifest: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(await json('mesh/rev/000000000001')).toMatchObject({
      ...{ who: 'a', why: 'test', manifest: head['manifest'] },
      files: [{ file: 'x.yaml', after: hash }],
    })
    expect((await other.kv.get(`mesh/blob/${hash}`))!.Value).toBe('ra: 1\n')
    const keys = await other.kv.keys('mesh/')
    expect(keys.map((key) => key.split('/')[1])).toEqual(expect.arrayContaining(['blob', 'head', 'man', 'rev']))
  })

  it('writes a revision in one transaction, and it is taken over; a head it moved first is a revision we come after', async () => {
    const text = 'a: 2\n'
    const hash = createHash('sha256').update(text).digest('hex')
    await other.kv.set(`mesh/blob/${hash}`, `r${text}`)
    const parts = Array<string>(256).fill('')
    const named = async (value: unknown) => {
      const body = JSON.stringify(value)
      const name = createHash('sha256').update(body).digest('hex')
      await other.kv.set(`mesh/man/${name}`, `r${body}`)
      return name
    }
    const part = Number.parseInt(createHash('sha256').update('x.yaml').digest('hex').slice(0, 2), 16)
    parts[part] = await named([['x.yaml', hash]])
    const manifest = await named(parts)
    const before = (await other.kv.get('mesh/head'))!
    const revision = {
      ...{ manifest, at: Date.now(), who: 'other', why: 'by hand', source: 'api', request: 'r1' },
      files: [{ file: 'x.yaml', before: ledger.file('x.yaml')!.hash, after: hash }],
    }
    const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64')
    const cas = (key: string, value: unknown, index: number) => ({
      KV: { Verb: 'cas', Key: key, Value: base64(value), Index: index },
    })
    await other.transaction.create([
      cas('mesh/head', { revision: 2, manifest }, before.ModifyIndex),
      cas('mesh/rev/000000000002', revision, 0),
    ] as never)
    await until(
      () => ledger.head,
      (head) => head === 2,
    )
    expect(ledger.read('x.yaml')!.toString()).toBe(text)
    expect(ledger.revision(2)).toMatchObject({ who: 'other', why: 'by hand' })
    expect((await ledger.apply([{ file: 'y.yaml', bytes: Buffer.from('b: 1\n') }], by)).id).toBe(3)
  })

  it('that holds the lock keeps us from it, and gives it over', async () => {
    const { ID: session } = (await other.session.create({ ttl: '10s', lockdelay: '1s' })) as { ID: string }
    expect(await other.kv.set({ key: 'mesh/lock', value: 'other', acquire: session })).toBe(true)
    const lock = new SessionLock({ address: { url: consul.url }, key: 'mesh/lock', holder: 'we' })
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(lock.held).toBe(false)
    await other.kv.set({ key: 'mesh/lock', value: 'other', release: session })
    await until(
      () => lock.held,
      (held) => held,
    )
    await lock.stop()
  })

  it('registers, changes and deregisters instances that we follow', async () => {
    const bed = await consulBed(consul.url, '')
    const register = (id: string, port: number) =>
      other.agent.service.register({ name: 'web', id, address: '127.0.0.1', port, tags: ['v2'] })
    await register('w1', 9001)
    await register('w2', 9002)
    await until(
      () => served(bed, 'web.service.consul'),
      (list) => list.length === 2,
    )
    await other.agent.service.maintenance({ id: 'w2', enable: true })
    await until(
      () => served(bed, 'web.service.consul'),
      (list) => list.includes('9002 draining'),
    )
    await other.agent.service.deregister('w1')
    await until(
      () => served(bed, 'web.service.consul'),
      (list) => !list.includes('9001 healthy'),
    )
    await bed.stop()
  })
})
