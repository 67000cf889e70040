import cluster, { type Worker } from 'node:cluster'
import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { complainTo } from '../complain.ts'
import type { Configuration } from '../configuration.ts'
import { WorkerPool } from './pool.ts'
import type { FromWorker, ToWorker } from './protocol.ts'

/** A worker without a process: it counts one request for each listener, and answers at once. */
class FakeWorker extends EventEmitter {
  readonly process = { pid: 1, kill: () => this.end() }
  readonly id: number
  readonly said: ToWorker[] = []
  #hears = false

  constructor(id: number) {
    super()
    this.id = id
    setImmediate(() => {
      this.#hears = true
      this.#say({ type: 'ready' })
    })
  }

  #say(message: FromWorker): void {
    this.emit('message', message)
  }

  isConnected(): boolean {
    return true
  }

  isDead(): boolean {
    return false
  }

  /** What comes before it listens is lost, as with a process. */
  send(message: ToWorker): void {
    if (!this.#hears) return
    this.said.push(message)
    if (message.type === 'configuration') {
      const addresses = Object.fromEntries(
        message.configuration.listeners.map(({ name }) => [name, { host: '127.0.0.1', port: 7 }]),
      )
      this.#say({ type: 'applied', id: message.id, problems: [], addresses })
    } else if (message.type === 'stats') {
      const counters = { [`rq{envoy_listener_address="${this.#listener()}"}`]: 1, all: 1 }
      const stats = { counters, gauges: {}, histograms: {} }
      this.#say({ type: 'stats', id: message.id, stats, clusters: [], listeners: [] })
    } else this.end()
  }

  #listener(): string {
    const last = this.said.findLast((message) => message.type === 'configuration')
    return last?.configuration.listeners[0]?.name ?? ''
  }

  end(): void {
    this.emit('exit', 1, null)
  }
}

const configuration = (listener: string): Configuration => ({
  version: listener,
  protocols: [],
  listeners: [{ name: listener, address: { host: '127.0.0.1', port: 0 }, protocol: 'game', routes: 'r' }],
  routes: [],
  clusters: [],
})

const workers: FakeWorker[] = []
/** What the next tries to start a worker end with. */
const failures: ((thrown: Error) => unknown)[] = []

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] })
  workers.length = 0
  vi.spyOn(cluster, 'setupPrimary').mockImplementation(() => undefined)
  vi.spyOn(cluster, 'fork').mockImplementation(() => {
    const failure = failures.shift()
    if (failure) return failure(new Error('spawn node EAGAIN')) as Worker
    const worker = new FakeWorker(workers.length + 1)
    workers.push(worker)
    return worker as unknown as Worker
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

it('of workers that were replaced, and of listeners that went meanwhile, their sums are left and nothing else', async () => {
  const pool = new WorkerPool({ workers: 1 })
  await pool.start()
  for (let round = 1; round <= 50; round++) {
    await pool.apply(configuration(`l${round}`))
    expect(pool.address(`l${round}`)).toEqual({ host: '127.0.0.1', port: 7 })
    expect(pool.address(`l${round - 1}`)).toBeUndefined()
    await pool.stats()
    workers.at(-1)!.end()
    expect(pool.pids).toEqual([])
    await vi.advanceTimersByTimeAsync(10_000)
    await vi.waitUntil(() => pool.pids.length === 1)
  }
  const { counters, gauges } = await pool.stats()
  expect(counters).toEqual({
    all: 51,
    // One of the worker that ended, one of the one that came; of listeners before them nothing.
    'rq{envoy_listener_address="l50"}': 2,
    meshgate_worker_crashes_total: 50,
  })
  expect(gauges).toMatchObject({ meshgate_workers: 1 })
  await pool.drain(10)
  expect(pool.pids).toEqual([])
  expect(workers).toHaveLength(51)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(workers).toHaveLength(51)
  expect(vi.getTimerCount()).toBe(0)
})

/** As Node gives away a worker for which there is no process: its channel may be closed, and its end is not told. */
function stillborn(error: Error): unknown {
  const worker = Object.assign(new EventEmitter(), { id: 1000, process: { pid: undefined } })
  process.nextTick(() => worker.emit('error', error))
  return worker
}

it('a worker that cannot be started is told, is not there, and is tried again with ever longer pauses; nobody waits for it', async () => {
  const said: string[] = []
  complainTo((thing, text, more) => said.push(`${thing} ${text} ${more}`))
  onTestFinished(() => complainTo())
  const thrown = (error: Error) => {
    throw error
  }
  failures.push(stillborn, thrown, stillborn, thrown)
  const pool = new WorkerPool({ workers: 1 })
  await pool.start()
  await pool.apply(configuration('l'))
  for (const waitMs of [200, 400, 800, 1600]) {
    await vi.advanceTimersByTimeAsync(waitMs - 1)
    expect(pool.pids).toEqual([])
    expect((await pool.stats()).gauges).toMatchObject({ meshgate_workers: 0 })
    await vi.advanceTimersByTimeAsync(1)
  }
  await vi.waitUntil(() => pool.address('l') !== undefined)
  expect(pool.pids).toEqual([1])
  expect((await pool.stats()).counters.meshgate_worker_crashes_total).toBe(0)
  expect(said).toEqual(['worker cannot be started: spawn node EAGAIN; it is tried again 0'])
  failures.push(thrown)
  workers[0]!.end()
  await vi.advanceTimersByTimeAsync(3200)
  expect(failures).toEqual([])
  await pool.drain(10)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(workers).toHaveLength(1)
})

it('a worker that is being started when all are to end, ends as soon as it can hear of it', async () => {
  const pool = new WorkerPool({ workers: 1 })
  await pool.start()
  workers[0]!.end()
  await vi.advanceTimersByTimeAsync(199)
  expect(workers).toHaveLength(1)
  vi.advanceTimersByTime(1)
  expect(workers).toHaveLength(2)
  await pool.drain(10)
  expect(pool.pids).toEqual([])
  expect(workers[1]!.said).toEqual([{ type: 'drain', timeoutMs: 0 }])
})

/** The versions a worker was sent, in order. */
const sentTo = (worker: FakeWorker) =>
  worker.said.flatMap((message) => (message.type === 'configuration' ? [message.configuration.version] : []))

it('configurations are in force in the order in which they came, though one has to look whether a socket file is in the way', async () => {
  const pool = new WorkerPool({ workers: 1 })
  await pool.start()
  const [listener] = configuration('first').listeners
  const first = { ...configuration('first'), listeners: [{ ...listener!, address: { path: '/nowhere/at/all' } }] }
  await Promise.all([pool.apply(first), pool.apply(configuration('second'))])
  expect(sentTo(workers[0]!)).toEqual(['first', 'second'])
  expect([pool.address('first'), pool.address('second')]).toEqual([undefined, { host: '127.0.0.1', port: 7 }])
  workers[0]!.end()
  await vi.advanceTimersByTimeAsync(200)
  // It comes while the next one does.
  const third = pool.apply(configuration('third'))
  await vi.waitUntil(() => workers.length === 2 && workers[1]!.said.length > 0)
  await third
  expect(sentTo(workers[1]!).at(-1)).toBe('third')
  await pool.drain(10)
})
