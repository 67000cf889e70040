import cluster, { type Worker } from 'node:cluster'
import { fileURLToPath } from 'node:url'
import { asError } from '../../errors/thrown.ts'
import type { AdminSource } from '../admin/server.ts'
import { notOpen, sumClusters, sumListeners } from '../admin/views.ts'
import { complain, reasonOf } from '../complain.ts'
import type { Configuration, SocketAddress } from '../configuration.ts'
import { removeStale } from '../listen/stale-socket.ts'
import type { ConfigurationProblem } from '../proxy.ts'
import { type StatsSnapshot, sumStats } from '../stats/prometheus.ts'
import { withoutDeleted } from '../stats/prune.ts'
import type { FromWorker, ToWorker } from './protocol.ts'

/** Waits before a worker that ended is replaced; doubles while workers end at once. */
const firstWaitMs = 100
const longestWaitMs = 10_000
/** A worker that lived so long starts the waits anew. */
const steadyMs = 30_000
/** A worker that has not answered after so long is not waited for again until it does. */
const answerMs = 5000

export interface WorkerPoolOptions {
  readonly workers: number
  /** Told of each worker that ended by itself. */
  readonly onCrash?: (pid: number, code: number | null, signal: string | null) => void
  /** Told of a worker that does not answer, as one that is stopped or cannot go on, and when it does again. */
  readonly onSilent?: (pid: number, silent: boolean) => void
  /** Node options for workers, for example a loader. */
  readonly execArgv?: readonly string[]
  /** Default 5000. */
  readonly answerMs?: number
}

type WorkerState = Extract<FromWorker, { readonly type: 'stats' }>

interface Member {
  readonly worker: Worker
  readonly started: number
  ready: boolean
  /** It owes an answer for too long: it is sent nothing more, since what is sent would pile up here. */
  silent: boolean
  /** It has not been sent the newest configuration. */
  behind: boolean
  /** What it told when it was asked last. */
  latest?: WorkerState
}

interface Answer<T> {
  readonly left: Set<number>
  readonly parts: T[]
  readonly done: (parts: readonly T[]) => void
}

/**
 * Several processes that share the listening ports: connections are dealt out in turn. This process holds the configuration and sends it to each;
 * a worker that crashes is replaced, its clients connect again; one that cannot be started is tried again. What the workers count is summed.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #members = new Map<number, Member>()
  readonly #answers = new Map<number, Answer<FromWorker>>()
  #configuration: Configuration | undefined
  #problems: readonly ConfigurationProblem[] = []
  #next = 1
  #wait = firstWaitMs
  readonly #addresses = new Map<string, SocketAddress>()
  /** Counters of workers that have ended. */
  #past: StatsSnapshot = { counters: {}, gauges: {}, histograms: {} }
  draining = false
  #timer: NodeJS.Timeout | undefined
  /** Ends when what is in the way of the configurations so far is gone. */
  #clearing: Promise<void> = Promise.resolve()
  crashes = 0

  constructor(options: WorkerPoolOptions) {
    this.#options = options
  }

  /** Process ids of the workers there are. */
  get pids(): readonly number[] {
    return [...this.#members.values()].flatMap(({ worker }) => worker.process.pid ?? [])
  }

  /** Starts the workers; resolves when all are ready. One that cannot be started is not waited for: it comes later. */
  async start(): Promise<void> {
    const file = fileURLToPath(import.meta.url).endsWith('.js') ? './worker.js' : './worker.ts'
    cluster.setupPrimary({
      exec: fileURLToPath(new URL(file, import.meta.url)),
      args: [],
      serialization: 'advanced',
      ...(this.#options.execArgv && { execArgv: [...this.#options.execArgv] }),
    })
    cluster.schedulingPolicy = cluster.SCHED_RR
    await Promise.all(Array.from({ length: this.#options.workers }, () => this.#fork()))
    // What a worker counted up to its end is lost but for the last time it was asked, so it is asked now and then.
    this.#timer = setInterval(() => void this.stats().catch(() => undefined), 5000)
    this.#timer.unref()
  }

  /** Resolves when the worker is ready, has ended, or could not be started. */
  #fork(): Promise<void> {
    let worker: Worker
    try {
      worker = cluster.fork()
    } catch (error) {
      this.#notStarted(asError(error))
      return Promise.resolve()
    }
    // Some errors are thrown, others told later: then there is no process, and will be none.
    if (worker.process.pid === undefined) return this.#stillborn(worker)
    const member: Member = { worker, started: performance.now(), ready: false, silent: false, behind: false }
    this.#members.set(worker.id, member)
    return new Promise((resolve) => {
      worker.on('message', (message: FromWorker) => {
        this.#heard(member)
        if (message.type === 'ready') {
          member.ready = true
          // What it was sent before, nobody heard.
          if (this.draining) this.#send(worker, { type: 'drain', timeoutMs: 0 })
          else if (this.#configuration) this.#send(worker, this.#configurationMessage(0))
          resolve()
        } else if (message.type === 'complaint') complain(message.thing, message.text, performance.now(), message.more)
        else this.#answered(member, message)
      })
      worker.on('error', () => undefined)
      worker.on('exit', (code, signal) => {
        resolve()
        this.#ended(member, code, signal)
      })
    })
  }

  #stillborn(worker: Worker): Promise<void> {
    return new Promise((resolve) => {
      worker.once('error', (error: Error) => {
        // Node forgets it with its end, which one without a channel does not have.
        delete cluster.workers?.[worker.id]
        this.#notStarted(error)
        resolve()
      })
    })
  }

  /** The machine has no process, memory or file descriptor left for a worker, or the program is not there. */
  #notStarted(error: Error): void {
    complain('worker', `cannot be started: ${reasonOf(error)}; it is tried again`)
    this.#again(this.#wait * 2)
  }

  /** Another worker is started after so long, in ms, or after the longest wait. */
  #again(waitMs: number): void {
    if (this.draining) return
    this.#wait = Math.min(longestWaitMs, waitMs)
    setTimeout(() => {
      if (!this.draining) void this.#fork()
    }, this.#wait)
  }

  #ended(member: Member, code: number | null, signal: string | null): void {
    const { worker, started } = member
    this.#members.delete(worker.id)
    for (const [id, answer] of this.#answers) {
      if (answer.left.delete(worker.id) && answer.left.size === 0) this.#finish(id, answer)
    }
    const last = member.latest?.stats
    if (last) this.#past = sumStats([this.#past, { ...last, gauges: {} }])
    if (this.draining) return
    this.crashes++
    this.#options.onCrash?.(worker.process.pid ?? 0, code, signal)
    this.#again(performance.now() - started > steadyMs ? firstWaitMs : this.#wait * 2)
  }

  #send(worker: Worker, message: ToWorker): void {
    if (worker.isConnected()) worker.send(message, undefined, () => undefined)
  }

  #configurationMessage(id: number): ToWorker {
    return { type: 'configuration', id, configuration: this.#configuration! }
  }

  /** It goes on, and takes what it missed. */
  #heard(member: Member): void {
    if (!member.silent) return
    member.silent = false
    this.#options.onSilent?.(member.worker.process.pid ?? 0, false)
    if (member.behind) this.#send(member.worker, this.#configurationMessage(0))
    member.behind = false
  }

  #answered(member: Member, message: Exclude<FromWorker, { type: 'ready' | 'complaint' }>): void {
    if (message.type === 'stats') member.latest = message
    if (message.type === 'applied') this.#learn(message.addresses)
    const answer = this.#answers.get(message.id)
    if (!answer?.left.delete(member.worker.id)) return
    answer.parts.push(message)
    if (answer.left.size === 0) this.#finish(message.id, answer)
  }

  /** Where a worker listens. An answer to an older configuration may come late. */
  #learn(addresses: Readonly<Record<string, unknown>>): void {
    for (const { name } of this.#configuration?.listeners ?? [])
      if (addresses[name]) this.#addresses.set(name, addresses[name] as SocketAddress)
  }

  #finish(id: number, answer: Answer<FromWorker>): void {
    this.#answers.delete(id)
    answer.done(answer.parts)
  }

  /** Asks every worker that is not silent; one that does not answer in time is left out, and is silent from then on. */
  #ask(make: (id: number) => ToWorker): Promise<readonly FromWorker[]> {
    const id = this.#next++
    const members = [...this.#members.values()].filter(({ ready, silent }) => ready && !silent)
    if (members.length === 0) return Promise.resolve([])
    return new Promise((done) => {
      const answer = { left: new Set(members.map(({ worker }) => worker.id)), parts: [], done }
      this.#answers.set(id, answer)
      setTimeout(() => {
        if (!this.#answers.has(id)) return
        for (const worker of answer.left) this.#missed(worker)
        this.#finish(id, answer)
      }, this.#options.answerMs ?? answerMs).unref()
      for (const { worker } of members) this.#send(worker, make(id))
    })
  }

  #missed(worker: number): void {
    const member = this.#members.get(worker)
    if (!member || member.silent) return
    member.silent = true
    this.#options.onSilent?.(member.worker.process.pid ?? 0, true)
  }

  /** Puts a configuration in force in every worker, and in those that come later. @returns problems, each once. */
  async apply(configuration: Configuration): Promise<readonly ConfigurationProblem[]> {
    // One after the other, or an older one that takes longer would be in force at last.
    const cleared = this.#clearing.then(() => this.#clearPaths(configuration))
    this.#clearing = cleared
    await cleared
    this.#configuration = configuration
    this.#past = withoutDeleted(this.#past, configuration)
    for (const member of this.#members.values()) if (member.silent) member.behind = true
    const names = new Set(configuration.listeners.map(({ name }) => name))
    for (const name of this.#addresses.keys()) if (!names.has(name)) this.#addresses.delete(name)
    const answers = await this.#ask((id) => this.#configurationMessage(id))
    const problems = new Map<string, ConfigurationProblem>()
    for (const answer of answers) {
      if (answer.type !== 'applied') continue
      for (const problem of answer.problems) problems.set(JSON.stringify(problem), problem)
    }
    this.#problems = [...problems.values()]
    return this.#problems
  }

  /** Socket files that are in the way of listeners that are not open yet. What cannot be removed, `listen` tells. */
  async #clearPaths({ listeners }: Configuration): Promise<void> {
    const failed = new Set(this.#problems.flatMap(({ kind, name }) => (kind === 'listener' ? [name] : [])))
    const open = new Set(
      (this.#configuration?.listeners ?? []).flatMap(({ name, address }) =>
        'path' in address && !failed.has(name) ? [address.path] : [],
      ),
    )
    for (const { address } of listeners)
      if ('path' in address && !open.has(address.path)) await removeStale(address.path).catch(() => undefined)
  }

  /** Where a listener listens. */
  address(listener: string): SocketAddress | undefined {
    return this.#addresses.get(listener)
  }

  /** The sum over all workers, those that ended included, and of a silent one what it told last: no counter goes back. */
  async stats(): Promise<StatsSnapshot> {
    const parts = await this.#askState()
    const sum = sumStats([this.#past, ...parts.map(({ stats }) => stats)])
    const silent = [...this.#members.values()].filter((one) => one.silent).length
    return {
      ...sum,
      counters: { ...sum.counters, meshgate_worker_crashes_total: this.crashes },
      gauges: { ...sum.gauges, meshgate_workers: this.#members.size, meshgate_workers_silent: silent },
    }
  }

  async #askState(): Promise<readonly WorkerState[]> {
    await this.#ask((id) => ({ type: 'stats', id }))
    return [...this.#members.values()].flatMap(({ latest }) => latest ?? [])
  }

  /** Lets every worker drain; resolves when all have ended. */
  async drain(timeoutMs = 30_000): Promise<void> {
    this.draining = true
    clearInterval(this.#timer)
    const ends = [...this.#members.values()].map(
      ({ worker, ready }) =>
        new Promise<void>((resolve) => {
          if (worker.isDead()) resolve()
          worker.once('exit', () => resolve())
          if (ready) this.#send(worker, { type: 'drain', timeoutMs })
          setTimeout(() => worker.process.kill('SIGKILL'), timeoutMs + 5000).unref()
        }),
    )
    await Promise.all(ends)
  }

  /** The admin view of all workers. */
  admin(drain: () => void = () => void this.drain()): AdminSource {
    return {
      stats: () => this.stats(),
      configDump: () => ({ ...this.#configuration, problems: this.#problems }),
      clusters: async () => sumClusters((await this.#askState()).map(({ clusters }) => clusters)),
      listeners: async () => sumListeners((await this.#askState()).map(({ listeners }) => listeners)),
      state: () => (this.draining ? 'draining' : this.#configuration ? 'live' : 'starting'),
      notOpen: () => notOpen(this.#problems),
      drain,
    }
  }
}
