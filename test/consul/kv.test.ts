import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConsulHttp, Kv, KvLearned, KvLedger, KvSource, SessionLock } from '../../controlplane/consul/index.ts'
import { ConflictError, type FileChange } from '../../controlplane/ledger/index.ts'
import { OnDemandMemory, stateFile } from '../../controlplane/ondemand/index.ts'
import { testProgram } from '../helpers/compiled.ts'
import { hasConsul, startConsul, type TestConsul } from '../helpers/consul.ts'
import { eventually, until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { spawnForTest } from '../helpers/processes.ts'
import { serveChild } from '../helpers/serve.ts'
import { startToxic } from '../helpers/toxic.ts'

/** Configuration and its history in a real Consul's key-value store. */

describe.skipIf(!(await hasConsul()))('configuration in Consul', () => {
  let consul: TestConsul
  let folder: string
  let stores = 0
  const opened: KvLedger[] = []

  beforeAll(async () => {
    folder = testFolder('test')
    // What an agent allows where nobody raised it.
    consul = await startConsul({ config: { limits: { http_max_conns_per_client: 200 } } })
  })
  afterAll(async () => {
    for (const ledger of opened) await ledger.close()
  })

  const open = async (prefix: string, url = consul.url) => {
    const ledger = await KvLedger.open({
      address: { url },
      prefix,
      mirror: join(folder, `mirror-${++stores}`),
      log: { info: () => {}, warn: () => {} },
    })
    opened.push(ledger)
    return ledger
  }
  const file = (name: string, text: string): FileChange => ({ file: `${name}.yaml`, bytes: Buffer.from(text) })
  const by = (who: string) => ({ who, why: 'test', source: 'api' as const, expected: new Map() })
  const orderOf = (ledger: KvLedger) =>
    ledger.revisions({ limit: 1_000 }).map(({ id, who, why, files }) => [id, who, why, files])

  it('a revision of one replica is that of all, byte for byte; large files and deletions too', async () => {
    const [a, b] = [await open('t/one'), await open('t/one')]
    const source = new KvSource(b)
    await source.start()
    const large = `# ${Array.from({ length: 60_000 }, () => Math.random().toString(36)).join(' ')}\n`
    await a.apply([file('x', 'a: 1\n'), file('large', large)], by('a'))
    await until(
      () => b.head,
      (head) => head === 1,
    )
    expect(b.read('large.yaml')!.toString()).toBe(large)
    expect(source.snapshot.documents.map(({ file }) => file)).toContain('x.yaml')
    await b.apply([{ file: 'large.yaml', bytes: undefined }, file('x', 'a: 2\n')], by('b'))
    await until(
      () => a.head,
      (head) => head === 2,
    )
    expect(a.files().map(({ file }) => file)).toEqual(['x.yaml'])
    expect(a.read('x.yaml', 1)!.toString()).toBe('a: 1\n')
    expect(orderOf(a)).toEqual(orderOf(b))
    const late = await open('t/one')
    expect(late.head).toBe(2)
    expect(orderOf(late)).toEqual(orderOf(a))
  })

  it.each([
    ['refused', 'hosts: 7'],
    ['unreadable', 'hosts: [['],
  ])(
    'a replica that starts while a document is %s serves its last valid version, and says of which revision',
    async (how, broken) => {
      const rule = (hosts: string) =>
        `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec:\n  ${hosts}\n  http: [{directResponse: {status: 200}}]\n`
      const prefix = `t/broken-${how}`
      const ledger = await open(prefix)
      await ledger.apply([file('a', rule('hosts: [one.test]'))], by('a'))
      await ledger.apply([file('a', rule('hosts: [two.test]'))], by('a'))
      await ledger.apply([file('a', rule(broken))], by('a'))
      const plane = await serveChild(`consul:${consul.url}/${prefix}`, {
        cwd: folder,
        args: ['--state-dir', join(folder, `state-${how}`)],
      })
      const { rules } = await plane.api<{ rules: readonly { hosts: readonly string[] }[] }>('/api/v1/rules')
      expect(rules.map(({ hosts }) => hosts)).toEqual([['two.test']])
      expect(await plane.api('/api/v1/diagnostics')).toMatchObject({
        diagnostics: [{ severity: 'error', file: 'a.yaml', hint: expect.stringContaining('(of revision 2) stays') }],
      })
      await plane.process.stop()
    },
  )

  it('of two who change the same file one wins and the other gets a conflict; other files do not disturb', async () => {
    const [a, b] = [await open('t/two'), await open('t/two')]
    const expected = new Map([['x.yaml', undefined]])
    const both = await Promise.allSettled([
      a.apply([file('x', 'a: a\n')], { ...by('a'), expected }),
      b.apply([file('x', 'a: b\n')], { ...by('b'), expected }),
    ])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect((both.find(({ status }) => status === 'rejected') as PromiseRejectedResult).reason).toBeInstanceOf(
      ConflictError,
    )
    await Promise.all([a.apply([file('y', 'a: a\n')], by('a')), b.apply([file('z', 'a: b\n')], by('b'))])
    await until(
      () => [a.head, b.head],
      ([x, y]) => x === 3 && y === 3,
    )
    expect(orderOf(a)).toEqual(orderOf(b))
  })

  it('many writers on three replicas leave one order without gaps, with everything acknowledged in it', async () => {
    const ledgers = [await open('t/many'), await open('t/many'), await open('t/many')]
    const acknowledged = await Promise.all(
      ledgers.flatMap((ledger, replica) =>
        Array.from({ length: 8 }, (_, count) =>
          ledger.apply([file(`f${replica}-${count}`, `a: ${count}\n`)], by(`r${replica}`)),
        ),
      ),
    )
    expect(acknowledged.map(({ id }) => id).sort((x, y) => x - y)).toEqual(Array.from({ length: 24 }, (_, n) => n + 1))
    for (const ledger of ledgers) await ledger.sync()
    for (const ledger of ledgers) expect(orderOf(ledger)).toEqual(orderOf(ledgers[0]!))
  })

  it('an answer that got lost is looked up: the revision is there once, whatever happened to the answer', async () => {
    const toxic = await startToxic(consul.httpPort)
    const ledger = await open('t/lost', toxic.url)
    await ledger.apply([file('x', 'a: 0\n')], by('a'))
    for (let round = 1; round <= 6; round++) {
      const applied = ledger.apply([file('x', `a: ${round}\n`)], by(String(round))).then(
        () => true,
        () => false,
      )
      await sleep(Math.random() * 12)
      await toxic.set({ kind: 'cut', bytes: 0 }, true)
      await sleep(30)
      await toxic.set({ kind: 'none' }, true)
      const acknowledged = await applied
      await ledger.sync()
      const found = ledger.revisions({ limit: 100 }).filter(({ who }) => who === String(round))
      expect(found.length).toBeLessThanOrEqual(1)
      if (acknowledged) expect(found).toHaveLength(1)
    }
  })

  const kills = Number(process.env['MESHGATE_KILLS'] ?? 4)
  const patience = { timeout: 60_000 + kills * 15_000 }
  it('a writer that is killed at any moment leaves an acknowledged prefix', patience, async () => {
    const acknowledged = new Map<number, string>()
    for (let kill = 0; kill < kills; kill++) {
      let lines = 0
      const child = await spawnForTest({
        command: process.execPath,
        args: [testProgram('kv-apply-forever'), consul.url, 't/kill', join(folder, 'mirror-kill'), `w${kill}`],
        onLine: (line, stream) => {
          if (stream !== 'stdout') return
          lines++
          const [id, count] = line.split(' ')
          if (count !== undefined) acknowledged.set(Number(id), `w${kill} ${count}`)
        },
      })
      await until(
        () => {
          if (!child.running) throw new Error(`writer ${kill} ended by itself: ${child.errors()}`)
          return lines
        },
        (count) => count >= 2,
        { withinMs: 60_000 },
      )
      await sleep(Math.random() * 150)
      process.kill(child.pid, 'SIGKILL')
      await child.exited
    }
    const ledger = await open('t/kill')
    const all = new Map(ledger.revisions({ limit: 10_000 }).map(({ id, who, why }) => [id, `${who} ${why}`]))
    for (const [id, what] of acknowledged) expect(all.get(id)).toBe(what)
    expect([...all.keys()].sort((x, y) => x - y)).toEqual(Array.from({ length: ledger.head }, (_, n) => n + 1))
    // Both files of a revision are of that revision.
    for (const writer of new Set(ledger.files().map((one) => one.file.split('-')[0]!)))
      expect(ledger.read(`${writer}-a.yaml`)).toEqual(ledger.read(`${writer}-b.yaml`))
    expect(acknowledged.size).toBeGreaterThanOrEqual(kills)
  })

  it('a writer that is paused at any moment, while others write, loses nothing and overwrites nothing', async () => {
    const acknowledged = new Map<number, string>()
    const child = await spawnForTest({
      command: process.execPath,
      args: [testProgram('kv-apply-forever'), consul.url, 't/paused', join(folder, 'mirror-paused'), 'child'],
      onLine: (line, stream) => {
        const [id, count] = line.split(' ')
        if (stream === 'stdout' && count !== undefined) acknowledged.set(Number(id), `child ${count}`)
      },
    })
    const ledger = await open('t/paused')
    for (let round = 0; round < 8; round++) {
      const seen = acknowledged.size
      await until(
        () => acknowledged.size,
        (size) => size > seen,
      )
      await sleep(Math.random() * 30)
      process.kill(child.pid, 'SIGSTOP')
      // The same files: what the paused writer read is out of date by now.
      for (const one of ['child-a', 'child-b']) {
        const { id, who, why } = await ledger.apply([file(one, `# own ${round}\n`)], by(`own ${round} ${one}`))
        acknowledged.set(id, `${who} ${why}`)
      }
      process.kill(child.pid, 'SIGCONT')
    }
    await child.stop()
    await ledger.sync()
    const all = new Map(ledger.revisions({ limit: 10_000 }).map(({ id, who, why }) => [id, `${who} ${why}`]))
    for (const [id, what] of acknowledged) expect(all.get(id)).toBe(what)
    expect([...all.keys()].sort((x, y) => x - y)).toEqual(Array.from({ length: ledger.head }, (_, n) => n + 1))
  })

  it('a holder of the lock that is paused for longer than its session lives is refused when it goes on', async () => {
    const kv = new Kv(new ConsulHttp({ url: consul.url }))
    await kv.put('t/pause/rev', 'kept')
    const said: string[] = []
    const child = await spawnForTest({
      command: process.execPath,
      args: [testProgram('kv-paused-holder'), consul.url, 't/pause/lock', 't/pause/rev'],
      onLine: (line) => said.push(line),
    })
    await until(
      () => said,
      (lines) => lines.includes('pausing'),
    )
    const next = new SessionLock({ address: { url: consul.url }, key: 't/pause/lock', holder: 'next' })
    // Twice the ten seconds of the session, and the delay after it: Consul alone decides.
    await until(
      () => next.held,
      (held) => held,
      { withinMs: 60_000 },
    )
    process.kill(child.pid, 'SIGCONT')
    await child.exited
    expect(said).toEqual(['pausing', 'refused'])
    expect((await kv.get('t/pause/rev'))!.value.toString()).toBe('kept')
    await next.stop()
  })

  it('a revision of more files than a transaction holds is one revision, also for an agent that takes few connections', async () => {
    const ledger = await open('t/long')
    // Their names alone are more than a transaction takes.
    const many = Array.from({ length: 420 }, (_, index) => file(`many-${index}-${'n'.repeat(230)}`, `a: ${index}\n`))
    await ledger.apply(many, by('a'))
    const late = await open('t/long')
    expect(late.files().length).toBe(420)
    expect(orderOf(late)).toEqual(orderOf(ledger))
    expect(late.revision(1)!.files.length).toBe(420)
  })

  it('a head that somebody wrote over changes nothing, and is told by its name', async () => {
    const ledger = await open('t/overwritten')
    await ledger.apply([file('x', 'a: 1\n')], by('a'))
    const kv = new Kv(new ConsulHttp({ url: consul.url }))
    const good = (await kv.get('t/overwritten/head'))!.value
    await kv.put('t/overwritten/head', '<html>')
    await until(
      () => ledger.error,
      (error) => error?.includes('t/overwritten/head in Consul is not what meshgate wrote') ?? false,
    )
    expect(ledger.read('x.yaml')!.toString()).toBe('a: 1\n')
    await expect(ledger.apply([file('x', 'a: 2\n')], by('a'))).rejects.toThrow(/not what meshgate wrote/)
    await kv.put('t/overwritten/head', good)
    await until(
      () => ledger.error,
      (error) => error === undefined,
    )
    await ledger.apply([file('x', 'a: 2\n')], by('a'))
    expect(ledger.head).toBe(2)
  })

  it('a store that was wiped empties nothing, and refuses to be written over', async () => {
    const ledger = await open('t/wiped')
    await ledger.apply([file('x', 'a: 1\n')], by('a'))
    await consul.call('DELETE', '/v1/kv/t/wiped?recurse=true')
    await until(
      () => ledger.error,
      (error) => error?.includes('lost its history') ?? false,
    )
    expect(ledger.read('x.yaml')!.toString()).toBe('a: 1\n')
    await expect(ledger.apply([file('x', 'a: 2\n')], by('a'))).rejects.toThrow(/lost its history/)
  })

  it('what proxies use on demand: what one replica learned the others know, at once or when they start; a wipe is mended', async () => {
    const warnings: string[] = []
    const replica = async () => {
      const path = join(folder, `learned-${++stores}.json`)
      const log = { info: () => {}, warn: (_: object, message: string) => warnings.push(message) }
      const address = { url: consul.url }
      const store = new KvLearned(stateFile(path), { address, prefix: 't/learned', log, writeMs: 20, readMs: 20 })
      const usage = { reporting: () => false, lastUsed: () => undefined }
      const memory = new OnDemandMemory({ store, usage, idleMs: () => 0, logger: log })
      await memory.load()
      const stop = async () => {
        await memory.stop()
        await store.stop()
      }
      const learned = () => [...memory.workingSet(node).learned()].sort()
      return { memory, learned, stop }
    }
    const id = 'sidecar~1~web-1.shop~shop.svc.cluster.local'
    const node = { id, cluster: '', metadata: {}, locality: {}, userAgent: '' } as never
    const [a, b] = [await replica(), await replica()]
    a.memory.workingSet(node).asked(['outbound|80||a.test'])
    a.memory.generations.next('K', ['outbound|80||a.test'])
    await until(b.learned, (list) => list.length === 1)
    b.memory.workingSet(node).asked(['outbound|80||b.test'])
    await until(a.learned, (list) => list.length === 2)
    // What the proxies of one use is not renamed because those of another do not; but a burnt name is never given again.
    expect(b.memory.generations.of('K', 'outbound|80||a.test')).toBe(0)
    b.memory.generations.next('K', ['outbound|80||a.test'])
    expect(b.memory.generations.of('K', 'outbound|80||a.test')).toBe(2)
    await b.stop()
    await consul.call('DELETE', '/v1/kv/t/learned/learned?recurse=true')
    const kv = new Kv(new ConsulHttp({ url: consul.url }))
    await until(
      () => kv.keys('t/learned/learned/'),
      (keys) => keys.length > 0,
    )
    const late = await replica()
    expect(late.learned()).toEqual(['outbound|80||a.test', 'outbound|80||b.test'])
    expect(late.memory.generations.of('K', 'outbound|80||a.test')).toBe(1)
    const written = async () =>
      ((await consul.call('GET', '/v1/kv/t/learned/learned/?recurse=true')) as [{ ModifyIndex: number }])[0].ModifyIndex
    // Once all know all, nobody writes any more.
    await eventually(async () => {
      const before = await written()
      await sleep(200)
      expect(await written()).toBe(before)
    })
    await a.stop()
    await late.stop()
    expect(warnings).toEqual([])
  })

  it('what must be done once is done by one: the lock is held by one, and a holder whose session is over is refused', async () => {
    const address = { url: consul.url }
    const kv = new Kv(new ConsulHttp(address))
    const ledger = await open('t/lock')
    for (let count = 0; count < 5; count++) await ledger.apply([file('x', `a: ${count}\n`)], by('a'))
    const locks = ['one', 'two'].map((holder) => new SessionLock({ address, key: 't/lock/lock', holder }))
    await until(
      () => locks.filter(({ held }) => held).length,
      (held) => held === 1,
    )
    const holder = locks.find(({ held }) => held)!
    const fence = holder.fence()!
    expect(await ledger.compact(3, holder)).toBe(2)
    expect((await kv.keys('t/lock/rev/')).length).toBe(3)
    // What Consul does to a holder that was paused for longer than its session lives.
    await consul.call('PUT', `/v1/session/destroy/${(fence as { session: string }).session}`)
    expect(holder.held).toBe(true)
    await expect(ledger.compact(1, holder)).rejects.toThrow(/another replica/)
    expect((await kv.keys('t/lock/rev/')).length).toBe(3)
    for (const lock of locks) await lock.stop()
    const late = await open('t/lock')
    expect(late.head).toBe(5)
    expect(late.read('x.yaml')!.toString()).toBe('a: 4\n')
  })
})
