import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import type { XdsServer } from '../../controlplane/ads/index.ts'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { OnDemandMemory, type Usage } from '../../controlplane/ondemand/index.ts'
import { type Answer, ask } from '../envoy/http-mesh.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { comesTrue, until } from '../helpers/eventually.ts'
import { freePort } from '../helpers/ports.ts'
import { seedFor } from '../helpers/repeat.ts'
import { startLazyEnvoy, startPlane } from './bed.ts'
import { ALL, ChangingRules, FRONT, FRONTS, HERE, SERVICE, SERVICES, USUAL, USUAL_RULES } from './changing-rules.ts'

/** `MESHGATE_SOAK_RUNS` makes it longer, `MESHGATE_SEED` draws something else. */
const RUNS = Number(process.env['MESHGATE_SOAK_RUNS'] ?? 4)
const SEED = 20_262
/** At most, of one run. */
const STEPS = 30
/** Of four answers that are as likely as each other each comes in so many, but for once in thirty million times. */
const TRIES = 60

/** Everybody reports that nothing was ever used: whatever can go, goes at each sweep. */
const unused: Usage = { reporting: () => true, lastUsed: () => 0 }
const logger = { info: () => {}, warn: () => {} }
const newMemory = () => new OnDemandMemory({ usage: unused, idleMs: () => 1, logger })

let upstreams: readonly Upstream[]
beforeAll(async () => {
  upstreams = await Promise.all(['one', 'two', 'three'].map((name) => startEcho(name)))
})

const anyOf = <One>(list: readonly One[]) => fc.constantFrom(...list)
/** What is usual twice as often as everything: most of what is asked for should be there. */
const mostly = <One>(list: readonly One[], usual = 1) =>
  fc.oneof({ weight: 2, arbitrary: anyOf(list.slice(0, usual)) }, { weight: 1, arbitrary: anyOf(list) })

/** One thing of one document becomes another. */
const edits = <Kind extends string>(kind: Kind, at: number, lists: Readonly<Record<string, readonly unknown[]>>) =>
  Object.entries(lists).map(([name, list]) =>
    fc.record({ kind: fc.constant(kind), at: fc.constant(at), name: fc.constant(name), to: mostly(list, USUAL[name]) }),
  )
const ofFronts = USUAL_RULES.flatMap((rule, at) =>
  edits('front', at, { ...FRONT, rule: [rule, ...FRONT.rule], target: [at, ...FRONT.target] }),
)
const ofServices = Array.from({ length: SERVICES }, (_, at) => edits('service', at, SERVICE)).flat()
const edit = fc.oneof(
  { weight: 9, arbitrary: fc.oneof(...ofServices) },
  { weight: 9, arbitrary: fc.oneof(...ofFronts) },
  { weight: 2, arbitrary: fc.oneof(...edits('all', 0, ALL)) },
)

const named = (kind: string, count: number, port = '') =>
  Array.from({ length: count }, (_, at) => `${kind}${at}.test${port}`)
const HOSTS = [...named('front', FRONTS), ...named('svc', SERVICES), ...named('svc', 1, ':8080'), 'nobody.test']
/** In an order that makes any of them the first to need a cluster. */
const someHosts = fc.shuffledSubarray([...named('front', FRONTS), ...HOSTS], { minLength: FRONTS })
const meanwhile = fc.array(anyOf(HOSTS), { maxLength: 4 })
const asks = fc.record({ hosts: someHosts, path: anyOf(['/', '/two/more']), user: anyOf(['u0', 'u1', 'u2']) })

/** Something happens, and when everybody is in step hosts are asked: some that were before, and some that were not. */
const step = fc.record({
  happens: fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constant('edit' as const),
        edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
        meanwhile,
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('become usual' as const), meanwhile }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('evict' as const), meanwhile }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), forgets: fc.boolean() }) },
  ),
  asks,
})

test('whatever documents come to say, and while clusters go and control planes start again, sidecars and gateways that get clusters on demand answer as those that have everything', {
  timeout: 120_000 + RUNS * 60_000,
}, async ({ task }) => {
  const seed = seedFor(task, SEED)
  const [region = '', zone = ''] = HERE.split('/')
  const locality = { region, zone }
  const gateways = { all: await freePort(), few: await freePort() }
  const rules = new ChangingRules(upstreams, gateways)
  const port = await freePort()
  let memory = newMemory()
  let plane = await startPlane(rules.yaml(), { port, memory })
  const gatewayEnvoy = (name: keyof typeof gateways, metadata: object) =>
    startEnvoy({
      bootstrap: envoyBootstrap({
        node: {
          id: `router~127.0.0.1~${name}-0.default~default.svc.cluster.local`,
          metadata: { LABELS: { gw: name }, ...metadata },
          locality,
        },
        xds: { host: '127.0.0.1', port },
        mode: 'delta',
        loadReports: true,
      }),
    })
  const eager = await startLazyEnvoy(port, { name: 'eager-0', metadata: { LAZY: false }, locality })
  const lazy = await startLazyEnvoy(port, { name: 'lazy-0', locality })
  const lazier = await startLazyEnvoy(port, { name: 'lazier-0', metadata: { LAZY_VIRTUAL_HOSTS: true }, locality })
  const gatewayEnvoys = [await gatewayEnvoy('all', { LAZY: false }), await gatewayEnvoy('few', {})]
  /** The first of each has everything. */
  const groups = [
    [eager.httpPort, lazy.httpPort, lazier.httpPort],
    [gateways.all, gateways.few],
  ]
  const everybody = [eager, lazy, lazier, ...gatewayEnvoys]
  const inStep = () => allInStep(plane.server, everybody.length)
  await comesTrue(inStep, 'all are in step')

  let sent = 0
  let evicted = 0
  const compared = { all: 0, ofUpstreams: 0 }
  const arrived = (id: string) =>
    upstreams.reduce(
      (sum, { seen }) => sum + seen.slice(-20).filter(({ headers }) => headers['x-ask'] === id).length,
      0,
    )
  const expectSame = async (authority: string, path: string, user: string) => {
    const answers = async (of: number) => {
      const headers = { 'x-user': user, 'x-ask': `${++sent}` }
      const answer = told(await ask(of, authority, path, { headers }), of)
      // With its copies.
      const arrivals = rules.isMirrored(authority) && answer.upstream !== undefined ? 2 : undefined
      if (arrivals)
        await comesTrue(
          () => arrived(headers['x-ask']) === arrivals,
          `the copy of a request for ${authority} in ${rules}`,
          { everyMs: 2 },
        )
      return answer
    }
    const tries = rules.isChance(authority) ? TRIES : 1
    for (const [first, ...others] of groups) {
      let wanted = await answers(first!)
      for (const other of others) {
        const found = await answers(other)
        compared.all++
        if (found.upstream !== undefined) compared.ofUpstreams++
        // Where chance decides, one that has everything gives the same answer some time.
        for (let more = 1; more < tries && !isDeepStrictEqual(found, wanted); more++) wanted = await answers(first!)
        expect(found, `${authority}${path} of ${user}, ${tries} tries, in ${rules}`).toEqual(wanted)
      }
    }
  }

  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: STEPS / 2, maxLength: STEPS }), async (steps) => {
      for (const { happens: one, asks } of steps) {
        // What is answered amid a change may be as before or as after; what it makes Envoy ask for is what counts later.
        const asked =
          'meanwhile' in one
            ? one.meanwhile
                .flatMap((authority) => groups.map(([, ...few]) => few.map((of) => ask(of, authority))))
                .flat()
            : []
        if (one.kind === 'evict')
          await plane.after(() => {
            evicted += memory.sweep(plane.server.lazyProxies())
          })
        else if (one.kind === 'restart') {
          await plane.stop()
          if (one.forgets) memory = newMemory()
          plane = await startPlane(rules.yaml(), { port, memory })
        } else {
          if (one.kind === 'become usual') rules.becomeUsual()
          else
            for (const { kind, at, name, to } of one.edits) {
              const of = { service: rules.services[at], front: rules.fronts[at], all: rules.all }[kind]
              Object.assign(of!, { [name]: to })
            }
          await plane.after(() => plane.commit(rules.yaml()))
        }
        await Promise.all(asked)
        await comesTrue(inStep, `all are in step after ${JSON.stringify(one)}`, { withinMs: 60_000 })
        for (const host of asks.hosts) await expectSame(host, asks.path, asks.user)
      }
    }),
    { numRuns: RUNS, seed, endOnFailure: true },
  )

  // Where next to nothing is there, or nothing goes, there is nothing to compare.
  expect(evicted).toBeGreaterThan(0)
  expect(compared.ofUpstreams, `of ${compared.all} answers`).toBeGreaterThan(compared.all / 3)

  // What is gone nobody keeps. Answers do not tell: no route leads there any more.
  for (const service of rules.services) service.ports = []
  await plane.after(() => plane.commit(rules.yaml()))
  for (const envoy of everybody)
    await until(
      () => endpointsOf(envoy),
      (clusters) => clusters.length === 0,
      { what: 'clusters with endpoints' },
    )
  for (const envoy of everybody) expect(await envoy.rejected()).toEqual({})
})

/** What of an answer must be the same. A gateway may name its own port. */
function told(answer: Answer, port: number) {
  const { status, upstream, headers } = answer
  if (upstream === undefined)
    return { status, location: headers.location, body: answer.body.replace(`port ${port}`, 'its port') }
  const { path, protocol, headers: received } = answer.seen
  const said = [received['x-said'], headers['x-told']]
  return { status, path, protocol, authority: received['host'], upstream, said }
}

function allInStep({ status }: XdsServer, count: number): boolean {
  const clients = status.clients().filter(({ disconnectedAt }) => disconnectedAt === undefined)
  return (
    clients.length === count &&
    clients.every(
      ({ types }) => types.length >= 3 && types.every(({ state }) => state === 'SYNCED' || state === 'NOT SENT'),
    )
  )
}

/** The clusters of services an Envoy holds that have endpoints. */
async function endpointsOf(envoy: TestEnvoy): Promise<readonly string[]> {
  const { cluster_statuses: clusters = [] } = JSON.parse(await envoy.admin('/clusters?format=json')) as {
    cluster_statuses?: readonly { readonly name: string; readonly host_statuses?: readonly object[] }[]
  }
  return clusters
    .filter(({ name, host_statuses: hosts }) => name.startsWith('outbound|') && hosts)
    .map(({ name }) => name)
}
