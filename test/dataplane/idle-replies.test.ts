import { afterEach, describe, expect, it } from 'vitest'
import type { RouteAction } from '../../dataplane/configuration.ts'
import { Hold } from '../../dataplane/listen/hold.ts'
import { due } from '../../dataplane/reply/timeout.ts'
import { C, R } from '../../dataplane/stats/counters.ts'
import { type ActiveRequest, RequestState } from '../../dataplane/upstream/requests.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, codeOf, type GameFrame } from './game.ts'
import { partedConfiguration, partOf } from './parts.ts'

/** How long an upstream may be silent before a reply and between the frames of one. Timers of an hour are fired by hand. */

const bed = new Bed()
afterEach(() => bed.close())

const hour = 3_600_000
const timeout = 5

async function asking(action: Partial<RouteAction>, mode: 'shared' | 'bound' | 'exclusive' = 'shared', id?: 'none') {
  const server = await bed.server('a')
  const asked: ((body: string, more: boolean) => void)[] = []
  server.handle = (frame, socket) => {
    asked.push((body, more) => void socket.write(partOf(frame, body, more)))
  }
  const proxy = await bed.proxy(partedConfiguration(server.port, mode, action, { ...(id && { id }) }))
  const client = bed.client(proxy)
  client.send({ msgid: 1, seq: 7 })
  await comesTrue(() => asked.length === 1)
  const request = proxy.engine.requests.all.find(({ state }) => state === RequestState.sent)!
  return { proxy, client, asked, request, counters: proxy.clusters.get('a')!.counters }
}

const texts = (frames: readonly GameFrame[]) => frames.map((frame) => codeOf(frame) ?? String(frame.body))
const left = ({ timer }: ActiveRequest) => timer - performance.now()

describe.each(['shared', 'bound', 'exclusive'] as const)('%s', (mode) => {
  it('an upstream that falls silent amid a reply ends it by one error reply, though it has all the time of the route', async () => {
    const { proxy, client, asked, request, counters } = await asking({ timeoutMs: 0, idleTimeoutMs: hour }, mode)
    asked[0]!('one', true)
    await client.receive(1)
    due(proxy.engine, request)
    await client.until(() => client.frames.length === 2)
    expect(texts(client.frames)).toEqual(['one', timeout])
    expect(
      [C.upstream_rq_idle_timeout, C.upstream_rq_timeout, C.upstream_rq_per_try_timeout].map((at) => counters[at]),
    ).toEqual([1, 0, 0])
    expect([...proxy.states.values()].reduce((sum, state) => sum + state.counters[R.rq_timeout]!, 0)).toBe(1)
    expect(proxy.clusters.get('a')!.breakers[0].requests).toBe(0)
  })
})

it('one that is silent from the start ends it as well, and each frame begins the time anew', async () => {
  const { proxy, client, asked, request } = await asking({ timeoutMs: 0, idleTimeoutMs: hour })
  const timers = [request.timer]
  for (const body of ['one', 'two']) {
    asked[0]!(body, true)
    await client.receive(timers.length)
    timers.push(request.timer)
  }
  expect(timers[0]).toBeGreaterThan(0)
  expect(timers[1]).toBeGreaterThan(timers[0]!)
  expect(timers[2]).toBeGreaterThan(timers[1]!)
  asked[0]!('end', false)
  await client.receive(3)
  expect(proxy.engine.wheel.count).toBe(0)
  client.send({ msgid: 1, seq: 8 })
  await comesTrue(() => asked.length === 2)
  due(proxy.engine, proxy.engine.requests.all.find(({ state }) => state === RequestState.sent)!)
  await client.receive(4)
  expect(texts(client.frames).at(-1)).toBe(timeout)
})

it('the time of the request and that of its try hold all the same', async () => {
  const whole = await asking({ timeoutMs: hour / 2, idleTimeoutMs: hour })
  whole.asked[0]!('one', true)
  await whole.client.receive(1)
  expect(whole.request.timer).toBe(whole.request.deadline)
  const retry = { attempts: 1, on: ['timeout' as const], perTryTimeoutMs: hour * 2 }
  const tried = await asking({ timeoutMs: 0, idleTimeoutMs: hour * 1.5, retry })
  const end = tried.request.timer + hour / 2
  expect(left(tried.request)).toBeLessThanOrEqual(hour * 1.5)
  tried.asked[0]!('one', true)
  await tried.client.receive(1)
  expect(tried.request.parts!.until).toBeCloseTo(end, 3)
  expect(tried.request.timer).toBeLessThanOrEqual(end)
  tried.asked[0]!('end', false)
  await tried.client.receive(2)
})

it('before its first frame a silent try is tried again where the route says so', async () => {
  const retry = { attempts: 1, on: ['timeout' as const], idempotent: true, baseIntervalMs: 1 }
  const { proxy, client, asked, request, counters } = await asking({ timeoutMs: 0, idleTimeoutMs: hour, retry })
  due(proxy.engine, request)
  await comesTrue(() => asked.length === 2)
  asked[1]!('again', false)
  await client.receive(1)
  expect(texts(client.frames)).toEqual(['again'])
  expect([C.upstream_rq_idle_timeout, C.upstream_rq_retry_success].map((at) => counters[at])).toEqual([1, 1])
})

it('an upstream that is not read, because its client takes no more, is not silent', async () => {
  const { proxy, client, asked, request, counters } = await asking({ timeoutMs: 0, idleTimeoutMs: hour }, 'exclusive')
  asked[0]!('one', true)
  await client.receive(1)
  const { connection } = request
  connection!.hold(Hold.slow)
  due(proxy.engine, request)
  expect([request.state, counters[C.upstream_rq_idle_timeout]]).toEqual([RequestState.sent, 0])
  expect(left(request)).toBeGreaterThan(hour / 2)
  connection!.release(Hold.slow)
  asked[0]!('two', false)
  await client.receive(2)
  expect(texts(client.frames)).toEqual(['one', 'two'])
})

it('nor is one whose replies keep an order while those to others come', async () => {
  const { proxy, client, asked } = await asking({ timeoutMs: 0, idleTimeoutMs: hour }, 'bound', 'none')
  client.send({ msgid: 1, seq: 8 })
  await comesTrue(() => asked.length === 2)
  const [first, second] = proxy.engine.requests.all
    .filter(({ state }) => state === RequestState.sent)
    .sort((a, b) => a.sequence - b.sequence)
  due(proxy.engine, second!)
  expect(second!.state).toBe(RequestState.sent)
  asked[0]!('one', false)
  asked[1]!('two', false)
  await client.receive(2)
  expect(texts(client.frames)).toEqual(['one', 'two'])
  expect(first!.state).toBe(RequestState.free)
})
