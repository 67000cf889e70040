import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FakeMesh, fakeResource } from '../../test/helpers/fake-mesh.ts'
import { NO_VERDICTS } from '../../test/helpers/no-verdicts.ts'
import { SimEnvoy } from '../../test/helpers/sim-envoy.ts'
import { Engine, type EngineClient } from '../../test/helpers/xds-engine.ts'

/** A consistent world: every cluster has endpoints, every listener a route, every route points to clusters that exist. */
interface World {
  readonly clusters: Readonly<Record<string, number>>
  readonly routes: Readonly<Record<string, readonly string[]>>
}

type Step =
  | { readonly do: 'publish'; readonly world: World; readonly push: boolean }
  | { readonly do: 'up' | 'reconnect' | 'flow' }
  | { readonly do: 'down'; readonly silent: boolean }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'disturb'; readonly type: 'eds' | 'rds'; readonly name: string }

const CLUSTERS = ['a', 'b', 'c', 'd']

const world: fc.Arbitrary<World> = fc
  .record({
    clusters: fc.dictionary(fc.constantFrom(...CLUSTERS), fc.integer({ min: 1, max: 3 }), { minKeys: 1 }),
    picks: fc.oneof(
      { weight: 1, arbitrary: fc.constant<number[][]>([]) },
      {
        weight: 5,
        arbitrary: fc.array(fc.array(fc.nat(9), { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 }),
      },
    ),
  })
  .map(({ clusters, picks }) => {
    const names = Object.keys(clusters)
    const routes = picks.map(
      (pick, index) => [`r${index}`, [...new Set(pick.map((at) => names[at % names.length]!))]] as const,
    )
    return { clusters, routes: Object.fromEntries(routes) }
  })

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('publish' as const), world, push: fc.constantFrom(true, true, false) }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('up' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('down' as const), silent: fc.constantFrom(false, false, false, true) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('flow' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(10, 1000, 5000, 30_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconnect' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('disturb' as const),
      type: fc.constantFrom('eds' as const, 'rds' as const),
      name: fc.constantFrom(...CLUSTERS, 'r0', 'nope'),
    }),
  },
)

const cluster = (name: string, version: number) =>
  fakeResource('cds', name, `${version};${name}`, { children: [{ type: 'eds', name }] })

function put(mesh: FakeMesh, { clusters, routes }: World): void {
  for (const type of ['cds', 'eds', 'lds', 'rds'] as const) mesh.delete(type, ...mesh.all(type).map(({ name }) => name))
  for (const [name, version] of Object.entries(clusters)) {
    mesh.put(cluster(name, version > 1 ? 2 : 1), fakeResource('eds', name, `${version}`))
  }
  for (const [name, targets] of Object.entries(routes)) {
    mesh.put(fakeResource('lds', `l-${name}`, `1;${name}`), fakeResource('rds', name, `1;${targets.join(',')}`))
  }
}

interface Play {
  readonly first: World
  /** The client is up before the first step. */
  readonly started: boolean
  readonly steps: readonly Step[]
}

const plays: fc.Arbitrary<Play> = fc.record({
  first: world,
  started: fc.constantFrom(true, true, false),
  steps: fc.array(step, { maxLength: 40, size: 'max' }),
})

/** Plays the steps, then lets everything arrive and time pass until both sides are at rest. */
function play(form: 'delta' | 'sotw', lazy: boolean, { first, started, steps }: Play): SimEnvoy {
  const mesh = new FakeMesh()
  put(mesh, first)
  const engine = new Engine(mesh, NO_VERDICTS, 'all', lazy)
  const envoy = new SimEnvoy(form, (type, name, text) => fakeResource(type, name, text).version)
  let server: EngineClient = engine.client(form)
  const connect = () => {
    server.client.close()
    server = engine.client(form)
    envoy.connect()
  }
  const exchange = () => {
    while (envoy.upward.length + envoy.downward.length > 0) {
      envoy.deliver(server)
      envoy.take(false)
    }
  }
  envoy.connect()
  if (started) exchange()
  for (const one of steps) {
    if (one.do === 'publish') {
      put(mesh, one.world)
      engine.publish()
      if (one.push) envoy.downward.push(...server.flow())
    } else if (one.do === 'up') envoy.deliver(server)
    else if (one.do === 'down') envoy.take(one.silent)
    else if (one.do === 'flow') envoy.downward.push(...server.flow())
    else if (one.do === 'wait') {
      // Requests do not travel for seconds: a client that reconnects has said all it uses before removals are due.
      while (envoy.upward.length > 0) envoy.deliver(server)
      engine.now += one.ms
    } else if (one.do === 'disturb') envoy.disturb(one.type, one.name)
    else {
      // A state-of-the-world client cannot tell what it holds, so a reconnect may break before it makes.
      if (form === 'sotw') envoy.forgiving = true
      connect()
    }
  }
  for (let round = 0; round < 40; round++) {
    exchange()
    envoy.downward.push(...server.flow())
    engine.now += 5000
  }
  const wanted = (type: 'cds' | 'eds' | 'lds' | 'rds') =>
    mesh.all(type).map(({ name, bytes }) => [name, Buffer.from(bytes).toString()])
  const routed = new Set(envoy.held.rds.keys())
  for (const type of ['cds', 'eds', 'lds', 'rds'] as const) {
    expect(Object.fromEntries(envoy.held[type]), type).toEqual(
      Object.fromEntries(wanted(type).filter(([name]) => type !== 'rds' || routed.has(name!))),
    )
  }
  if (!steps.some((one) => one.do === 'down' && one.silent)) {
    for (const type of ['cds', 'eds', 'lds', 'rds'] as const) expect(server.client.settled(type), type).toBe(true)
  }
  return envoy
}

/** Histories that broke it once. */
const BROKE: [Play][] = [
  // A removal counted its patience from the oldest unanswered routes, and did not wait for the newest.
  [
    {
      first: { clusters: { a: 1 }, routes: { r0: ['a'] } },
      started: true,
      steps: [
        { do: 'publish', world: { clusters: { a: 2 }, routes: {} }, push: true },
        { do: 'wait', ms: 30_000 },
        { do: 'publish', world: { clusters: { a: 1 }, routes: { r0: ['a'] } }, push: true },
        { do: 'wait', ms: 30_000 },
        { do: 'down', silent: false },
        { do: 'down', silent: false },
        { do: 'flow' },
        { do: 'down', silent: false },
        { do: 'down', silent: true },
        { do: 'publish', world: { clusters: { d: 1 }, routes: { r0: ['d'] } }, push: true },
      ],
    },
  ],
  // Two clusters come together with a route that uses both, to a client that holds neither.
  [
    {
      first: { clusters: { a: 1 }, routes: { r0: ['a'] } },
      started: true,
      steps: [
        {
          do: 'publish',
          world: { clusters: { c: 1, d: 1, b: 1 }, routes: { r0: ['b', 'c'], r1: ['c'] } },
          push: false,
        },
      ],
    },
  ],
]

describe.each([
  ['delta', 'delta', false],
  ['state of the world', 'sotw', false],
  ['clusters on demand', 'delta', true],
] as const)('%s', (_, form, lazy) => {
  test('after any sequence of changes, reconnects, lost answers and odd requests, both sides agree', () => {
    fc.assert(
      fc.property(plays, (one) => {
        play(form, lazy, one)
      }),
      { numRuns: 200, examples: BROKE },
    )
  })

  test('at no time does the client hold a route to a cluster that it does not have', () => {
    fc.assert(
      fc.property(plays, (one) => {
        expect(play(form, lazy, one).broken).toEqual([])
      }),
      { numRuns: 200, examples: BROKE },
    )
  })
})
