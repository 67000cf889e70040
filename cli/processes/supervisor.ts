import { setTimeout as sleep } from 'node:timers/promises'
import { errorText } from '../../errors/thrown.ts'
import { type Exit, type ProcessOptions, type RunningProcess, startProcess } from './process.ts'

/** A program that shall run. Two with equal `options` and `name` are the same. */
export interface Wanted {
  readonly name: string
  readonly options: Omit<ProcessOptions, 'onLine'>
}

/** What happens to the programs, for logs. */
export interface SupervisorEvents {
  started(name: string, pid: number): void
  /** It could not be started, or ended by itself; it is started again after `retryMs`. */
  failed(name: string, reason: string, retryMs: number): void
  stopped(name: string): void
  line(name: string, line: string, stream: 'stdout' | 'stderr'): void
}

/** How a program is doing. */
export interface ProgramState {
  readonly running: boolean
  /** How often it ended by itself or could not be started, and why the last time. */
  readonly failures: number
  readonly reason: string | undefined
}

export interface SupervisorOptions {
  /** First pause before a restart, ms; doubles up to `maxRetryMs` while a program keeps failing. Default 500. */
  readonly retryMs?: number
  /** Default 30,000. */
  readonly maxRetryMs?: number
  /** A program that ran this long counts as healthy: its next failure starts again at `retryMs`. Default 10,000. */
  readonly healthyMs?: number
}

/** Keeps programs running: what ends is started again, what is no longer wanted is stopped. */
export class Supervisor {
  readonly #events: SupervisorEvents
  readonly #options: Required<SupervisorOptions>
  readonly #keepers = new Map<string, Keeper>()
  #closed = false

  constructor(
    events: SupervisorEvents,
    { retryMs = 500, maxRetryMs = 30_000, healthyMs = 10_000 }: SupervisorOptions = {},
  ) {
    this.#events = events
    this.#options = { retryMs, maxRetryMs, healthyMs }
  }

  /** Makes exactly these programs run; changed ones are replaced. Resolves when each has had its first try. */
  async want(programs: readonly Wanted[]): Promise<void> {
    if (this.#closed) return
    const wanted = new Map(programs.map((program) => [program.name, program]))
    const ended = [...this.#keepers].filter(([name, keeper]) => {
      const program = wanted.get(name)
      return !program || keeper.key !== JSON.stringify(program.options)
    })
    for (const [name] of ended) this.#keepers.delete(name)
    await Promise.all(ended.map(([, keeper]) => keeper.stop()))
    await Promise.all(
      programs
        .filter(({ name }) => !this.#closed && !this.#keepers.has(name))
        .map((program) => {
          const keeper = new Keeper(program, this.#events, this.#options)
          this.#keepers.set(program.name, keeper)
          return keeper.firstTry
        }),
    )
  }

  /** How a program is doing; undefined for one that is not wanted. */
  state(name: string): ProgramState | undefined {
    return this.#keepers.get(name)?.state
  }

  /** Stops everything, for good. */
  async stop(): Promise<void> {
    this.#closed = true
    const keepers = [...this.#keepers.values()]
    this.#keepers.clear()
    await Promise.all(keepers.map((keeper) => keeper.stop()))
  }
}

class Keeper {
  readonly key: string
  readonly firstTry: Promise<void>
  readonly #stopping = new AbortController()
  readonly #done: Promise<void>
  #process: RunningProcess | undefined
  #failures = 0
  #reason: string | undefined

  constructor({ name, options }: Wanted, events: SupervisorEvents, times: Required<SupervisorOptions>) {
    this.key = JSON.stringify(options)
    let tried = () => {}
    this.firstTry = new Promise((resolve) => {
      tried = resolve
    })
    this.#done = this.#keep(name, options, events, times, tried)
  }

  get state(): ProgramState {
    return { running: this.#process !== undefined, failures: this.#failures, reason: this.#reason }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#process?.stop()
    await this.#done
  }

  async #keep(
    name: string,
    options: Wanted['options'],
    events: SupervisorEvents,
    { retryMs, maxRetryMs, healthyMs }: Required<SupervisorOptions>,
    tried: () => void,
  ): Promise<void> {
    const { signal } = this.#stopping
    let pause = retryMs
    while (!signal.aborted) {
      const start = performance.now()
      let reason: string
      try {
        this.#process = await startProcess({ ...options, onLine: (line, stream) => events.line(name, line, stream) })
        events.started(name, this.#process.pid)
        tried()
        if (signal.aborted) await this.#process.stop()
        reason = describeExit(await this.#process.exited)
      } catch (error) {
        reason = errorText(error)
        tried()
      }
      this.#process = undefined
      if (signal.aborted) break
      if (performance.now() - start >= healthyMs) pause = retryMs
      this.#failures++
      this.#reason = reason
      events.failed(name, reason, pause)
      await sleep(pause, undefined, { signal }).catch(() => {})
      pause = Math.min(pause * 2, maxRetryMs)
    }
    events.stopped(name)
  }
}

function describeExit({ code, signal }: Exit): string {
  return signal ? `ended by ${signal}` : `ended with exit code ${code}`
}
