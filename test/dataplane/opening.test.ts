import { afterEach, describe, expect, it } from 'vitest'
import type { ConnectionMode } from '../../codecs/contract.ts'
import type { CircuitBreaker, RetryPolicy } from '../../dataplane/configuration.ts'
import { C } from '../../dataplane/stats/counters.ts'
import { takeStats } from '../../dataplane/stats/prometheus.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { asSocket, FakeSocket } from '../helpers/fake-socket.ts'
import { Bed, byId, endpoints, gameConfiguration, Kind } from './game.ts'

/** What is counted of requests whose connection is not open yet, and of those whose connection is never made: as Envoy counts them. */

const bed = new Bed()
afterEach(() => bed.close())

/** A proxy whose upstream connections open when they are told to, or fail. */
async function waiting(mode: ConnectionMode, breaker: CircuitBreaker = {}, retry?: RetryPolicy, messages = 1) {
  const dialed: { readonly socket: FakeSocket; readonly open: () => void }[] = []
  const proxy = await bed.proxy(
    gameConfiguration({
      listener: { mode },
      routes: [{ name: 'game', routes: [byId(1, 'a', retry && { retry }), byId(2, 'a')] }],
      clusters: [
        {
          name: 'a',
          localities: endpoints(1),
          balancer: { kind: 'roundRobin' },
          connectTimeoutMs: 600_000,
          circuitBreakers: { default: breaker },
        },
      ],
    }),
    {
      dial: (_, __, ___, open) => {
        const socket = new FakeSocket()
        dialed.push({ socket, open })
        return asSocket(socket)
      },
    },
  )
  const client = bed.client(proxy)
  for (let seq = 1; seq <= messages; seq++) client.send({ msgid: seq === 1 ? 1 : 2, seq })
  const { counters, breakers, hosts } = proxy.clusters.get('a')!
  await comesTrue(() => breakers[0].pending === messages, 'all wait')
  const gauge = (name: string) => takeStats(proxy).gauges[`${name}{envoy_cluster_name="a"}`]
  return {
    proxy,
    client,
    dialed,
    breaker: breakers[0],
    count: (name: keyof typeof C) => counters[C[name]],
    total: () => hosts[0]!.total,
    active: () => [gauge('envoy_cluster_upstream_rq_active'), gauge('envoy_cluster_upstream_rq_pending_active')],
    fail: () => {
      for (const { socket } of dialed) {
        socket.emit('error', new Error('refused'))
        socket.destroy()
      }
    },
  }
}
const modes = ['shared', 'bound', 'exclusive'] as const
const errorOf = ({ flags, body }: { readonly flags: number; readonly body: Buffer }) =>
  (flags & 0x80) === 0 ? undefined : body.readUInt32BE()
const connectFailed = 3
const overflow = 6

describe.each(modes)('%s connections', (mode) => {
  it('a request is pending until its connection is open, and active from then on', async () => {
    const subject = await waiting(mode, {}, undefined, 3)
    expect(subject.active()).toEqual([0, 3])
    expect([subject.count('upstream_rq_total'), subject.total()]).toEqual([0, 0])
    for (const { open } of subject.dialed) open()
    expect(subject.active()).toEqual([3, 0])
    expect([subject.count('upstream_rq_total'), subject.total()]).toEqual([3, 3])
    expect(subject.count('upstream_rq_pending_total')).toBe(3)
  })

  it('a request whose connection is never made is none of the host’s, and is counted as ejected', async () => {
    const subject = await waiting(mode, {}, undefined, 3)
    subject.fail()
    await subject.client.receive(3)
    expect(subject.client.frames.map(errorOf)).toEqual([connectFailed, connectFailed, connectFailed])
    expect([subject.count('upstream_rq_total'), subject.total()]).toEqual([0, 0])
    expect(subject.count('upstream_rq_pending_failure_eject')).toBe(3)
    expect(subject.breaker).toMatchObject({ requests: 0, pending: 0, opening: 0 })
  })

  it('a retry budget is of what is active or pending, each counted once', async () => {
    // Of ten that wait 30 % are three; of twenty, as two counts of each would be, six.
    const budget = { retryBudget: { percent: 30, minRetryConcurrency: 0 } }
    const subject = await waiting(mode, budget, { attempts: 1, on: ['connectFailure'] }, 10)
    const { breaker } = subject
    const most = () => {
      const { retries } = breaker
      let some = 0
      while (breaker.mayRetry()) {
        breaker.retries++
        some++
      }
      breaker.retries = retries
      return some
    }
    expect(most()).toBe(3)
    for (const { open } of subject.dialed) open()
    expect(most()).toBe(3)
  })
})

it.each(['shared', 'bound'] as const)(
  'a limit on requests holds for those whose connection is not open, too (%s)',
  async (mode) => {
    const subject = await waiting(mode, { maxRequests: 2 }, undefined, 2)
    expect(errorOf(await subject.client.ask({ msgid: 1, seq: 9 }))).toBe(overflow)
    subject.dialed[0]!.open()
    expect(subject.active()).toEqual([2, 0])
    expect(subject.count('upstream_rq_pending_overflow')).toBe(1)
  },
)

it('of those that wait for a connection of their own one too many is turned away when its connection opens', async () => {
  const subject = await waiting('exclusive', { maxRequests: 1 }, undefined, 3)
  for (const { open } of subject.dialed) open()
  expect(subject.active()).toEqual([1, 0])
  await subject.client.receive(2)
  expect(subject.client.frames.map(errorOf)).toEqual([overflow, overflow])
  expect([subject.count('upstream_rq_total'), subject.count('upstream_rq_pending_overflow')]).toEqual([1, 2])
})

it.each(['shared', 'bound'] as const)(
  'one-way messages count as sent when their connection is open (%s)',
  async (mode) => {
    const subject = await waiting(mode)
    subject.client.send({ kind: Kind.oneway, msgid: 2, seq: 2 })
    // What comes behind it has been read, so it has been, too.
    subject.client.send({ msgid: 2, seq: 3 })
    await comesTrue(() => subject.breaker.pending === 2)
    const sent = () => [subject.count('upstream_rq_total'), subject.count('upstream_rq_oneway'), subject.total()]
    expect(sent()).toEqual([0, 0, 0])
    subject.dialed[0]!.open()
    expect(sent()).toEqual([3, 1, 3])
  },
)
