import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import type { XdsServer } from '../../controlplane/ads/index.ts'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { OnDemandMemory, type Usage } from '../../controlplane/ondemand/index.ts'
import { type Answer, ask } from '../envoy/http-mesh.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { startEnvoy } from '../helpers/envoy.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { freePort } from '../helpers/ports.ts'
import { seedFor } from '../helpers/repeat.ts'
import { startLazyEnvoy, startPlane } from './bed.ts'
import { ALL, ChangingRules, FRONT, FRONTS, SERVICE, SERVICES } from './changing-rules.ts'

/** `MESHGATE_SOAK_RUNS` makes it longer, `MESHGATE_SEED` draws something else. */
const RUNS = Number(process.env['MESHGATE_SOAK_RUNS'] ?? 4)
const SEED = 20_262
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
/** What is usual, the first of the list, as often as everything else: most of what is asked for should be there. */
const mostly = <One>(list: readonly One[]) => fc.oneof(fc.constant(list[0]!), anyOf(list))
const lists = <Lists extends Readonly<Record<string, readonly unknown[]>>>(all: Lists) =>
  Object.entries(all).map(([name, list]) => ({ name, list }))

/** One thing of one document becomes another. */
const edit = fc.oneof(
  ...lists(SERVICE).map(({ name, list }) =>
    fc.record({
      kind: fc.constant('service' as const),
      at: fc.nat(SERVICES - 1),
      name: fc.constant(name),
      to: mostly(list),
    }),
  ),
  // Rules are what there is most of.
  ...[...lists(FRONT), ...lists(FRONT)].map(({ name, list }) =>
    fc.record({
      kind: fc.constant('front' as const),
      at: fc.nat(FRONTS - 1),
      name: fc.constant(name),
      to: mostly(list),
    }),
  ),
  ...lists(ALL).map(({ name, list }) =>
    fc.record({ kind: fc.constant('all' as const), at: fc.constant(0), name: fc.constant(name), to: mostly(list) }),
  ),
)

const host = fc.oneof(
  { weight: 6, arbitrary: fc.nat(FRONTS - 1).map((at) => `front${at}.test`) },
  { weight: 4, arbitrary: fc.nat(SERVICES - 1).map((at) => `svc${at}.test`) },
  { weight: 2, arbitrary: fc.nat(SERVICES - 1).map((at) => `svc${at}.test:8080`) },
  { weight: 1, arbitrary: fc.constant('nobody.test') },
)

const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      host,
      path: anyOf(['/', '/two/more']),
      user: anyOf(['u0', 'u1', 'u2']),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constant('edit' as const),
      edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
      meanwhile: fc.array(host, { maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('evict' as const), meanwhile: fc.array(host, { maxLength: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), forgets: fc.boolean() }) },
)

test('whatever documents come to say, and while clusters go and control planes start again, sidecars and gateways that get clusters on demand answer as those that have everything', {
  timeout: 120_000 + RUNS * 60_000,
}, async ({ task }) => {
  const seed = seedFor(task, SEED)
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
        },
        xds: { host: '127.0.0.1', port },
        mode: 'delta',
        loadReports: true,
      }),
    })
  const eager = await startLazyEnvoy(port, { name: 'eager-0', metadata: { LAZY: false } })
  const lazy = await startLazyEnvoy(port, { name: 'lazy-0' })
  const lazier = await startLazyEnvoy(port, { name: 'lazier-0', metadata: { LAZY_VIRTUAL_HOSTS: true } })
  const gatewayEnvoys = [await gatewayEnvoy('all', { LAZY: false }), await gatewayEnvoy('few', {})]
  /** The first of each has everything. */
  const groups = [
    [eager.httpPort, lazy.httpPort, lazier.httpPort],
    [gateways.all, gateways.few],
  ]
  const everybody = [eager, lazy, lazier, ...gatewayEnvoys]
  const inStep = () => allInStep(plane.server, everybody.length)
  await comesTrue(inStep, 'all are in step')

  let asks = 0
  const arrived = (id: string) =>
    upstreams.reduce(
      (sum, { seen }) => sum + seen.slice(-20).filter(({ headers }) => headers['x-ask'] === id).length,
      0,
    )
  const expectSame = async (authority: string, path: string, user: string) => {
    const answers = async (of: number) => {
      const headers = { 'x-user': user, 'x-ask': `${++asks}` }
      const answer = told(await ask(of, authority, path, { headers }), of)
      // With its copies.
      const arrivals = rules.isMirrored(authority) && answer.upstream !== undefined ? 2 : undefined
      if (arrivals)
        await comesTrue(
          () => arrived(headers['x-ask']) === arrivals,
          `the copy of a request for ${authority} in ${rules}`,
        )
      return answer
    }
    const tries = rules.isChance(authority) ? TRIES : 1
    for (const [first, ...others] of groups)
      for (const other of others) {
        const wanted = await answers(other)
        let found = await answers(first!)
        // Where chance decides, one that has everything gives the same answer some time.
        for (let more = 1; more < tries && !isDeepStrictEqual(found, wanted); more++) found = await answers(first!)
        expect(wanted, `${authority}${path} of ${user}, ${tries} tries, in ${rules}`).toEqual(found)
      }
  }

  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 30 }), async (steps) => {
      for (const one of steps) {
        // What is answered amid a change may be as before or as after; what it makes Envoy ask for is what counts later.
        const asked =
          'meanwhile' in one
            ? one.meanwhile
                .flatMap((authority) => groups.map(([, ...few]) => few.map((of) => ask(of, authority))))
                .flat()
            : []
        if (one.kind === 'ask') await expectSame(one.host, one.path, one.user)
        else if (one.kind === 'evict') await plane.after(() => void memory.sweep(plane.server.lazyProxies()))
        else if (one.kind === 'edit') {
          for (const { kind, at, name, to } of one.edits) {
            const of = { service: rules.services[at], front: rules.fronts[at], all: rules.all }[kind]
            Object.assign(of!, { [name]: to })
          }
          await plane.after(() => plane.commit(rules.yaml()))
        } else {
          await plane.stop()
          if (one.forgets) memory = newMemory()
          plane = await startPlane(rules.yaml(), { port, memory })
        }
        await Promise.all(asked)
        if (one.kind !== 'ask')
          await comesTrue(inStep, `all are in step after ${JSON.stringify(one)}`, { withinMs: 60_000 })
      }
    }),
    { numRuns: RUNS, seed, endOnFailure: true },
  )
  for (const envoy of everybody) expect(await envoy.rejected()).toEqual({})
})

/** What of an answer must be the same. A gateway may name its own port. */
function told(answer: Answer, port: number) {
  const { status, upstream, headers } = answer
  if (upstream === undefined)
    return { status, location: headers.location, body: answer.body.replace(`port ${port}`, 'its port') }
  const { path, protocol, headers: received } = answer.seen
  return { status, path, protocol, authority: received['host'], upstream }
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
