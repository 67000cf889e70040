import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { copyStore, copyText } from '../../cli/store-copy.ts'
import { hasConsul, startConsul, type TestConsul } from '../helpers/consul.ts'
import { until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { type ServeChild, serveChild } from '../helpers/serve.ts'
import { NODE, names, RawClient } from '../xds/raw-client.ts'

/** Two control planes of their own on one Consul: configuration in its store, services in its catalog. */

const RULES = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web.service.consul]
  http:
  - timeout: 3s
    route: [{destination: {host: web.service.consul}}]
`

describe.skipIf(!(await hasConsul()))('replicas on one Consul', () => {
  /** Control planes start slowly on a busy machine. */
  const patience = { timeout: 180_000 }
  let consul: TestConsul
  let folder: string
  let place: string
  let a: ServeChild
  let b: ServeChild
  const complaints: string[] = []
  const copy = (from: string, to: string, dryRun = false) => copyStore(from, to, { dryRun, why: 'test', address: {} })
  const post = async (on: ServeChild, path: string, body: object) => {
    const answer = await fetch(on.apiUrl + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: answer.status, body: (await answer.json()) as { plan: string; id: number; message: string } }
  }
  const revisions = async (on: ServeChild) =>
    ((await on.api('/api/v1/revisions')) as { revisions: { id: number }[] }).revisions

  beforeAll(async () => {
    folder = testFolder('test')
    consul = await startConsul()
    place = `consul:${consul.url}/env/prod`
    await writeFile(join(folder, 'rules.yaml'), RULES)
    await consul.register({ name: 'web', id: 'w1', port: 9001 })
    await consul.register({ name: 'web', id: 'w2', port: 9002 })
  })

  it('a folder is copied to Consul and back: first told, then done, then compared', async () => {
    const added = [{ file: 'rules.yaml', change: 'added' }]
    const told = await copy(`file:${folder}`, place, true)
    expect(told).toMatchObject({ changes: added, differing: 0 })
    expect(copyText(told)).toMatch(/\+ rules\.yaml\n.*nothing was changed$/)
    const done = await copy(`file:${folder}`, place)
    expect(done).toMatchObject({ changes: added, differing: 0, revision: expect.any(Number) })
    expect(copyText(done)).toMatch(/\+ rules\.yaml\nrevision .* read back and compared: equal$/)
    expect(copyText(await copy(`file:${folder}`, place))).toMatch(/the same already$/)
    // Where it goes need not be there; where it comes from must.
    const other = join(testFolder('test'), 'backup')
    expect((await copy(place, `file:${other}`, true)).changes).toEqual(added)
    await expect(copy(`file:${other}`, place)).rejects.toThrow(`there is no folder ${other}`)
    expect(await copy(place, `file:${other}`)).toMatchObject({ changes: added, differing: 0 })
    expect((await copy(other, folder)).changes).toEqual([])
    await rm(other, { recursive: true })
  })

  it(
    'an apply on one is in force on both; of two at the same time one wins; a step back works from the other',
    patience,
    async () => {
      const start = (name: string) =>
        serveChild(place, {
          ...{ cwd: folder, args: ['--consul', consul.url, '--state-dir', join(folder, name)] },
          onLog: (message) => {
            if (message.includes('could not be recorded or ended')) complaints.push(message)
          },
        })
      ;[a, b] = await Promise.all([start('.a'), start('.b')])
      const change = (timeout: string) => [{ file: 'rules.yaml', text: RULES.replace('3s', timeout) }]
      const plan = async (on: ServeChild, timeout: string) =>
        (await post(on, '/api/v1/plan', { base: 1, changes: change(timeout) })).body.plan
      const [mine, theirs] = [await plan(a, '4s'), await plan(b, '5s')]
      const apply = (on: ServeChild, hash: string, timeout: string) =>
        post(on, '/api/v1/apply', { base: 1, changes: change(timeout), plan: hash, reason: timeout })
      const answers = await Promise.all([apply(a, mine, '4s'), apply(b, theirs, '5s')])
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
      await until(
        () => revisions(b),
        (list) => list[0]?.id === 2,
      )
      await until(
        () => revisions(a),
        (list) => list[0]?.id === 2,
      )
      expect(await revisions(a)).toEqual(await revisions(b))
      const back = (await post(b, '/api/v1/plan', { to: 1 })).body.plan
      expect((await post(b, '/api/v1/rollback', { to: 1, plan: back, reason: 'worse' })).status).toBe(200)
      await until(
        () => revisions(a),
        (list) => list[0]?.id === 3,
      )
    },
  )

  it('a fault whose time is up is ended once, by one of them, and nobody complains', async () => {
    const fault = RULES.replace('{name: web}', '{name: web, annotations: {meshgate.io/expires-in: 1s}}').replace(
      '  - timeout',
      '  - fault: {abort: {httpStatus: 503, percentage: {value: 0}}}\n    timeout',
    )
    const changes = [{ file: 'rules.yaml', text: fault }]
    const { plan } = (await post(a, '/api/v1/plan', { base: 3, changes })).body
    expect((await post(a, '/api/v1/apply', { base: 3, changes, plan, reason: 'fault' })).status).toBe(200)
    const sources = async (on: ServeChild) =>
      ((await on.api('/api/v1/revisions')) as { revisions: { source: string }[] }).revisions.map(({ source }) => source)
    for (const on of [a, b])
      await until(
        () => sources(on),
        (list) => list.length === 6,
      )
    // Both have looked again by then.
    await sleep(2_500)
    expect(await sources(a)).toEqual(['expiry', 'expiry', 'api', 'rollback', 'api', 'api'])
    expect(complaints).toEqual([])
  })

  it('serve equal versions, so that a proxy that moves from one to the other gets nothing it has', async () => {
    const held: Record<string, Record<string, string>> = {}
    const first = new RawClient(a.xdsPort)
    const stream = first.delta()
    for (const type of ['cds', 'lds'] as const) {
      stream.send(type, { node: NODE })
      const response = await stream.next()
      held[type] = Object.fromEntries(response.resources.map(({ name, version }) => [name, version]))
      stream.ack(response)
    }
    const endpoints = 'outbound|80||web.service.consul'
    expect(Object.keys(held['cds']!)).toContain(endpoints)
    stream.send('eds', { resourceNamesSubscribe: [endpoints] })
    const response = await stream.next()
    expect(names(response)).toEqual([endpoints])
    held['eds'] = { [endpoints]: response.resources[0]!.version }
    first.close()

    const second = new RawClient(b.xdsPort)
    const moved = second.delta()
    for (const type of ['cds', 'lds'] as const) moved.send(type, { node: NODE, initialResourceVersions: held[type]! })
    moved.send('eds', { resourceNamesSubscribe: [endpoints], initialResourceVersions: held['eds']! })
    const told = await moved.quiet(1_000)
    expect(told.flatMap(names)).toEqual([])
    second.close()
  })

  it(
    'show the proxies of each other through Consul where there is no Redis; of one that is killed, none are left',
    patience,
    async () => {
      interface Proxy {
        readonly node: string
        readonly connected: boolean
        readonly replica?: string
      }
      const proxies = async (on: ServeChild) =>
        ((await on.api('/api/v1/proxies')) as { proxies: readonly Proxy[]; complete: boolean }).proxies
      const third = await serveChild(place, {
        cwd: folder,
        args: ['--consul', consul.url, '--state-dir', join(folder, '.c')],
      })
      const client = new RawClient(third.xdsPort)
      const id = 'sidecar~10.0.0.7~elsewhere.default~default.svc.cluster.local'
      client.delta().send('cds', { node: { ...NODE, id } })
      const [shown] = await until(
        async () => (await proxies(a)).filter(({ node, connected }) => node === id && connected),
        (list) => list.length > 0,
        { withinMs: 60_000 },
      )
      expect(shown!.replica).toContain(String(third.xdsPort))
      await third.kill()
      client.close()
      // Consul ends the session of one that says nothing after twice its ten seconds.
      await until(
        async () => (await proxies(a)).filter(({ node }) => node === id),
        (list) => list.length === 0,
        { withinMs: 60_000 },
      )
    },
  )

  it('without Consul both go on with what they know, and say so; started anew, too', patience, async () => {
    await consul.kill()
    const sources = async (on: ServeChild) =>
      ((await on.api('/api/v1/sources')) as { sources: { name: string; state: string }[] }).sources
    await until(
      () => sources(a),
      (list) => list.length === 2 && list.every(({ state }) => state === 'lost'),
      { withinMs: 60_000 },
    )
    await b.process.stop()
    const again = await serveChild(place, {
      cwd: folder,
      args: ['--consul', consul.url, '--state-dir', join(folder, '.b')],
    })
    expect((await revisions(again))[0]?.id).toBe(6)
    const client = new RawClient(again.xdsPort)
    const stream = client.delta()
    stream.send('eds', { node: NODE, resourceNamesSubscribe: ['outbound|80||web.service.consul'] })
    expect(names(await stream.next())).toEqual(['outbound|80||web.service.consul'])
    client.close()
    const changes = [{ file: 'rules.yaml', text: RULES.replace('3s', '6s') }]
    const { plan } = (await post(a, '/api/v1/plan', { base: 6, changes })).body
    const refused = await post(a, '/api/v1/apply', { base: 6, changes, plan, reason: 'x' })
    expect(refused).toMatchObject({ status: 503, body: { code: 'STORE_UNAVAILABLE' } })
  })
})
