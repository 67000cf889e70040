import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConsulHttp, Kv, KvContent, KvLedger, SessionLock } from '../../controlplane/consul/index.ts'
import { testProgram } from '../helpers/compiled.ts'
import { hasConsul, startConsul, type TestConsul } from '../helpers/consul.ts'
import { until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { spawnForTest } from '../helpers/processes.ts'
import { startToxic } from '../helpers/toxic.ts'

/** What no revision refers to any more goes from a real Consul, and nothing else, whoever writes, reads or is killed meanwhile. */

describe.skipIf(!(await hasConsul()))('a store in Consul that is compacted', () => {
  let consul: TestConsul
  let folder: string
  let kv: Kv
  let stores = 0
  const opened: KvLedger[] = []

  beforeAll(async () => {
    folder = testFolder('test')
    consul = await startConsul()
    kv = new Kv(new ConsulHttp({ url: consul.url }))
  })
  afterAll(async () => {
    for (const ledger of opened) await ledger.close()
  })

  const open = async (prefix: string, { graceMs = 0, url = consul.url } = {}) => {
    const ledger = await KvLedger.open({
      ...{ address: { url }, prefix, mirror: join(folder, `mirror-${++stores}`), graceMs },
      log: { info: () => {}, warn: () => {} },
    })
    opened.push(ledger)
    return ledger
  }
  const by = { who: 'a', why: 'test', source: 'api' as const, expected: new Map() }
  const apply = (ledger: KvLedger, files: Readonly<Record<string, string | undefined>>) =>
    ledger.apply(
      Object.entries(files).map(([file, text]) => ({
        file,
        bytes: text === undefined ? undefined : Buffer.from(text),
      })),
      by,
    )
  const contentOf = async (prefix: string) => [
    ...(await kv.keys(`${prefix}/blob/`)),
    ...(await kv.keys(`${prefix}/man/`)),
  ]
  const textsOf = (ledger: KvLedger) =>
    Object.fromEntries(ledger.files().map(({ file }) => [file, ledger.read(file)!.toString()]))
  /** As a replica that starts with nothing sees it, which reads all there is. */
  const anew = async (prefix: string) => {
    const late = await open(prefix)
    return { ids: late.revisions({ limit: 1_000 }).map(({ id }) => id), texts: textsOf(late) }
  }

  it('keeps what revisions that are kept need, large files too, and nothing else once a grace has passed', async () => {
    const ledger = await open('c/plain', { graceMs: 3_600_000 })
    // Written in several values, which nothing but the first names.
    const large = (name: string) => `# ${name} ${randomBytes(400_000).toString('base64')}\n`
    const kept = large('kept')
    for (let count = 0; count < 4; count++)
      await apply(ledger, { [`x${count}.yaml`]: `a: ${count}\n`, 'large.yaml': large(String(count)) })
    await apply(ledger, { 'large.yaml': kept, 'x0.yaml': undefined })
    await apply(ledger, { 'x1.yaml': 'a: one\n' })
    // Of a writer that was killed before its revision came to be.
    const orphan = await new KvContent(kv, 'c/plain/').writeBlob(Buffer.from('never: referred to\n'))
    const before = await contentOf('c/plain')
    expect(await ledger.compact(2)).toBe(4)
    expect(await contentOf('c/plain')).toEqual(expect.arrayContaining(before))
    await ledger.compact(2)
    expect(await contentOf('c/plain')).toContain(`c/plain/blob/${orphan}`)
    // For this one what was noted has been there long enough.
    await (await open('c/plain')).compact(2)
    const files = ledger.files().map(({ hash }) => hash)
    const blobs = await kv.keys('c/plain/blob/')
    // Of the large file, its parts; and x1.yaml as the older of the two revisions has it.
    expect(blobs.length).toBe(files.length + 2 + 1)
    expect(blobs).toEqual(expect.arrayContaining(files.map((hash) => `c/plain/blob/${hash}`)))
    // Two manifests, of the oldest revision and the newest, which differ in one part.
    expect((await kv.keys('c/plain/man/')).length).toBeLessThanOrEqual(2 + 4 + 1)
    expect(await anew('c/plain')).toEqual({ ids: [6, 5], texts: textsOf(ledger) })
    expect(textsOf(ledger)['large.yaml']).toBe(kept)
  })

  it('is as good as before when the oldest revision that is left moves on to one whose manifest had gone', async () => {
    const ledger = await open('c/moves')
    for (let count = 0; count < 6; count++) await apply(ledger, { [`x${count % 2}.yaml`]: `a: ${count}\n` })
    for (const keep of [5, 5, 4, 3, 2, 1]) {
      await ledger.compact(keep)
      expect(await anew('c/moves')).toEqual({
        ids: Array.from({ length: keep }, (_, index) => 6 - index),
        texts: { 'x0.yaml': 'a: 4\n', 'x1.yaml': 'a: 5\n' },
      })
    }
  })

  it('loses nothing of writers who go back to content that is being deleted, though compactions are killed at any moment', async () => {
    const prefix = 'c/busy'
    const writers = [await open(prefix), await open(prefix)]
    const texts = Array.from({ length: 3 }, (_, index) => `# ${index} ${'x'.repeat(index * 6_000)}\n`)
    let ended = false
    const acknowledged: number[] = []
    const write = async (ledger: KvLedger, file: string) => {
      while (!ended) {
        const { id } = await apply(ledger, { [file]: texts[Math.floor(Math.random() * texts.length)]! })
        acknowledged.push(id)
      }
    }
    const writing = Promise.all(writers.map((ledger, index) => write(ledger, `w${index}.yaml`)))
    for (let kill = 0; kill < Number(process.env['MESHGATE_KILLS'] ?? 2); kill++) {
      let went = 0
      const child = await spawnForTest({
        command: process.execPath,
        args: [testProgram('kv-compact-forever'), consul.url, prefix, join(folder, `mirror-${++stores}`), '1', '0'],
        onLine: (line, stream) => {
          if (stream === 'stdout') went = Number(line)
        },
      })
      await until(
        () => {
          if (!child.running) throw new Error(`it ended by itself: ${child.errors()}`)
          return went
        },
        (count) => count >= 3,
        { withinMs: 60_000 },
      )
      await sleep(Math.random() * 100)
      process.kill(child.pid, 'SIGKILL')
      await child.exited
    }
    ended = true
    await writing
    const [first] = writers as [KvLedger, KvLedger]
    await first.sync()
    expect(first.head).toBe(Math.max(...acknowledged))
    expect((await anew(prefix)).texts).toEqual(textsOf(first))
    // And what the killed ones left is found: twice, since it is noted first.
    for (let time = 0; time < 2; time++) await first.compact(1)
    expect((await kv.keys(`${prefix}/blob/`)).length).toBe(new Set(first.files().map(({ hash }) => hash)).size)
  })

  it('is read whole by replicas that start meanwhile, slowly', async () => {
    const prefix = 'c/read'
    const ledger = await open(prefix, { graceMs: 3_000 })
    for (let count = 0; count < 20; count++) await apply(ledger, { [`f${count}.yaml`]: `a: ${count}\n` })
    const slow = await startToxic(consul.httpPort)
    await slow.set({ kind: 'latency', ms: 40 })
    let ended = false
    const compacting = (async () => {
      for (let count = 0; !ended; count++) {
        await apply(ledger, { [`f${count % 20}.yaml`]: `a: again ${count}\n` })
        await ledger.compact(2)
      }
    })()
    for (let count = 0; count < 2; count++) {
      const late = await open(prefix, { url: slow.url })
      expect(Object.keys(textsOf(late))).toHaveLength(20)
    }
    ended = true
    await compacting
  })

  it('is left alone by one whose session is over, in the middle of it', async () => {
    const ledger = await open('c/fence')
    for (let count = 0; count < 4; count++) await apply(ledger, { 'x.yaml': `a: ${count}\n` })
    const lock = new SessionLock({ address: { url: consul.url }, key: 'c/fence/lock', holder: 'one' })
    await until(
      () => lock.held,
      (held) => held,
    )
    await ledger.compact(1, lock)
    const noted = await contentOf('c/fence')
    await consul.call('PUT', `/v1/session/destroy/${(lock.fence() as { session: string }).session}`)
    await expect(ledger.compact(1, lock)).rejects.toThrow(/another replica/)
    expect(await contentOf('c/fence')).toEqual(noted)
    await ledger.compact(1)
    expect((await contentOf('c/fence')).length).toBeLessThan(noted.length)
    await lock.stop()
  })
})
