import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { Balancer } from '../../bench/cluster/balancer.ts'
import { copyStore, copyText } from '../../cli/commands/store-copy.ts'
import { STATUS } from '../../controlplane/ads/index.ts'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { hasConsul, startConsul, type TestConsul } from '../helpers/consul.ts'
import { startEcho } from '../helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePort } from '../helpers/ports.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { type ServeChild, serveChild } from '../helpers/serve.ts'
import { NODE, names, RawClient } from '../xds/raw-client.ts'
import { ask } from './bed.ts'

/** Three control planes of their own on one Consul: configuration in its store, services in its catalog. */

const RULES = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web.service.consul]
  http:
  - timeout: 3s
    route: [{destination: {host: web.service.consul}}]
`

const ENDPOINTS = 'outbound|80||web.service.consul'

/** Which resources an Envoy has, and when it took each of them. */
async function held(envoy: TestEnvoy): Promise<readonly string[]> {
  const found: string[] = []
  const collect = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const { last_updated, cluster, route_config, listener } = value as Record<string, { name?: string } | string>
    const resource = cluster ?? route_config ?? listener
    if (typeof last_updated === 'string' && typeof resource === 'object') found.push(`${resource.name} ${last_updated}`)
    for (const inner of Object.values(value)) collect(inner)
  }
  collect(await envoy.configDump())
  return found.sort()
}

describe.skipIf(!(await hasConsul()))('replicas on one Consul', () => {
  /** Control planes start slowly on a busy machine. */
  const patience = { timeout: 180_000 }
  let consul: TestConsul
  let folder: string
  let place: string
  let a: ServeChild
  let b: ServeChild
  let c: ServeChild
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
    const [w1, w2] = await Promise.all([startEcho('w1'), startEcho('w2')])
    await consul.register({ name: 'web', id: 'w1', port: w1.port })
    await consul.register({ name: 'web', id: 'w2', port: w2.port })
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
    'an apply on one is in force on all; of two at the same time one wins; a step back works from the other',
    patience,
    async () => {
      const start = (name: string, ...more: string[]) =>
        serveChild(place, {
          ...{ cwd: folder, args: ['--consul', consul.url, '--state-dir', join(folder, name), ...more] },
          onLog: (message) => {
            if (/could not be recorded or ended|as many streams as are taken/.test(message)) complaints.push(message)
          },
        })
      ;[a, b, c] = await Promise.all([start('.a'), start('.b'), start('.c', '--max-streams', '3')])
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
      for (const on of [a, c])
        await until(
          () => revisions(on),
          (list) => list[0]?.id === 2,
        )
      expect(await revisions(a)).toEqual(await revisions(b))
      expect(await revisions(c)).toEqual(await revisions(b))
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
    for (const on of [a, b, c])
      await until(
        () => sources(on),
        (list) => list.length === 6,
      )
    // All have looked again by then.
    await sleep(2_500)
    expect(await sources(a)).toEqual(['expiry', 'expiry', 'api', 'rollback', 'api', 'api'])
    expect(complaints).toEqual([])
  })

  it('serve equal versions, so that a proxy that moves from one to another gets nothing it has', async () => {
    const first = new RawClient(a.xdsPort)
    const held: Record<string, Record<string, string>> = {}
    const stream = first.delta()
    for (const type of ['cds', 'lds'] as const) {
      stream.send(type, { node: NODE })
      const response = await stream.next()
      held[type] = Object.fromEntries(response.resources.map(({ name, version }) => [name, version]))
      stream.ack(response)
    }
    expect(Object.keys(held['cds']!)).toContain(ENDPOINTS)
    stream.send('eds', { resourceNamesSubscribe: [ENDPOINTS] })
    const response = await stream.next()
    expect(names(response)).toEqual([ENDPOINTS])
    held['eds'] = { [ENDPOINTS]: response.resources[0]!.version }
    stream.cancel()
    first.close()

    for (const other of [b, c]) {
      const second = new RawClient(other.xdsPort)
      const moved = second.delta()
      for (const type of ['cds', 'lds'] as const) moved.send(type, { node: NODE, initialResourceVersions: held[type]! })
      moved.send('eds', { resourceNamesSubscribe: [ENDPOINTS], initialResourceVersions: held['eds']! })
      const told = await moved.quiet(1_000)
      expect(told.flatMap(names)).toEqual([])
      moved.cancel()
      second.close()
    }
  })

  describe('of which one is killed', () => {
    interface Proxy {
      readonly node: string
      readonly connected: boolean
      readonly state: string
      readonly replica?: string
    }
    const proxies = async (on: ServeChild) =>
      ((await on.api('/api/v1/proxies')) as { proxies: readonly Proxy[]; complete: boolean }).proxies
    const nodeId = (name: string) => `sidecar~10.0.0.7~${name}.default~default.svc.cluster.local`
    const OWN = nodeId('elsewhere')
    const FORMS = ['delta', 'sotw'] as const
    const envoys = new Map<(typeof FORMS)[number], { readonly envoy: TestEnvoy; readonly httpPort: number }>()
    let balancer: Balancer
    let client: RawClient

    beforeAll(async () => {
      balancer = await Balancer.start()
      stopAfterTests(async () => balancer.stop())
      balancer.targets = [c.xdsPort]
      for (const mode of FORMS) {
        const httpPort = await freePort()
        const node = { id: nodeId(mode), metadata: { HTTP_PROXY_PORT: httpPort } }
        const xds = { host: '127.0.0.1', port: balancer.port }
        envoys.set(mode, { envoy: await startEnvoy({ bootstrap: envoyBootstrap({ node, xds, mode }) }), httpPort })
      }
      // The last of the three streams it takes.
      await until(
        async () => (await proxies(c)).filter(({ connected, replica }) => connected && replica === undefined),
        (list) => list.length === 2,
      )
      client = new RawClient(c.xdsPort)
      client.delta().send('cds', { node: { ...NODE, id: OWN } })
    })

    it('proxies of each are shown by the others, through Consul where there is no Redis', patience, async () => {
      const ours = [OWN, ...FORMS.map(nodeId)].sort()
      const shown = await until(
        async () => (await proxies(a)).filter(({ node, connected }) => connected && ours.includes(node)),
        (list) => list.length === ours.length,
        { withinMs: 60_000 },
      )
      expect(shown.map(({ node }) => node).sort()).toEqual(ours)
      for (const { replica } of shown) expect(replica).toContain(String(c.xdsPort))
    })

    it('a proxy beyond those it takes is refused with a word for whoever reads its log', async () => {
      const further = new RawClient(c.xdsPort)
      const stream = further.delta()
      stream.send('cds', { node: NODE })
      expect(await stream.ended).toMatchObject({
        code: STATUS.resourceExhausted,
        details: expect.stringMatching(/has the 3 streams it takes: another replica may have room/),
      })
      further.close()
      await until(
        () => complaints,
        (list) => list.length > 0,
      )
      expect(complaints.splice(0)).toEqual([expect.stringMatching(/start another replica.*--max-streams/)])
    })

    it('its Envoys move to another, which sends them nothing they have; no request is lost', patience, async () => {
      const answers: string[] = []
      const before = new Map<string, unknown>()
      for (const { httpPort } of envoys.values())
        await until(
          () => ask(httpPort, 'web.service.consul'),
          (name) => /^w[12]$/.test(name),
        )
      await until(
        async () => (await c.api<{ proxies: Proxy[] }>('/api/v1/proxies')).proxies,
        (list) => FORMS.every((mode) => list.some(({ node, state }) => node === nodeId(mode) && state === 'SYNCED')),
      )
      // Whatever the requests brought is there by now.
      for (const [mode, { envoy }] of envoys) {
        before.set(mode, await held(envoy))
        expect(before.get(mode)).toContainEqual(expect.stringContaining(`${ENDPOINTS} 20`))
      }
      let moving = true
      const load = (async () => {
        while (moving)
          for (const { httpPort } of envoys.values()) answers.push(await ask(httpPort, 'web.service.consul'))
      })()
      balancer.targets = [a.xdsPort]
      await c.kill()
      client.close()
      await until(
        () => proxies(a),
        (list) =>
          FORMS.every((mode) =>
            list.some((one) => one.node === nodeId(mode) && one.replica === undefined && one.state === 'SYNCED'),
          ),
      )
      moving = false
      await load
      expect(new Set(answers)).toEqual(new Set(['w1', 'w2']))

      for (const [mode, { envoy }] of envoys) {
        const sent = async () => {
          const { exchanges } = await a.api<{
            exchanges: { type: string; event: string; resources: number; removed: number }[]
          }>(`/api/v1/proxies/${encodeURIComponent(nodeId(mode))}/exchanges`)
          const some = exchanges.filter(({ event, resources, removed }) => event === 'sent' && resources + removed > 0)
          return [...new Set(some.map(({ type }) => type))].sort()
        }
        // State of the world has no versions of single endpoints and routes: those come again, equal to what is there.
        const again = mode === 'delta' ? [] : ['eds', 'rds']
        await expect.poll(sent, { message: mode }).toEqual(again)
        expect(await held(envoy)).toEqual(before.get(mode))
        expect(await envoy.rejected()).toEqual({})
        await envoy.stop()
      }
    })

    it('of its proxies none are shown soon after', patience, async () => {
      // Consul ends the session of one that says nothing after twice its ten seconds.
      await until(
        async () => (await proxies(a)).filter(({ node }) => node === OWN),
        (list) => list.length === 0,
        { withinMs: 60_000 },
      )
    })
  })

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
    stream.send('eds', { node: NODE, resourceNamesSubscribe: [ENDPOINTS] })
    expect(names(await stream.next())).toEqual([ENDPOINTS])
    client.close()
    const changes = [{ file: 'rules.yaml', text: RULES.replace('3s', '6s') }]
    const { plan } = (await post(a, '/api/v1/plan', { base: 6, changes })).body
    const refused = await post(a, '/api/v1/apply', { base: 6, changes, plan, reason: 'x' })
    expect(refused).toMatchObject({ status: 503, body: { code: 'STORE_UNAVAILABLE' } })
  })
})
