import { errorText } from '../../../errors/thrown.ts'
import type { ConfigObject } from '../../config/object.ts'
import { ApiError } from '../http/errors.ts'
import { countedReason, endedReason, expiryOf, lifetimeOf, withDeadline, withoutExpired } from './expiry.ts'

/** The longest wait until the clock is looked at again, ms: it may be set forward meanwhile, which timers do not notice. */
const LONGEST_WAIT_MS = 10_000
/** When something could not be written: until the next attempt, ms. */
const RETRY_MS = 30_000
/** What is due is left to the replica that does what is done once for so long, and looked at so often meanwhile, ms. */
const LEFT_MS = 60_000
const LOOK_MS = 1_000

export interface ExpiriesOptions {
  /** The text of the file a document stands in; undefined for a file that cannot be written here. */
  readonly read: (object: ConfigObject) => { readonly file: string; readonly bytes: Uint8Array | undefined } | undefined
  /** Makes a text the next revision. @throws ApiError 409 when somebody else was first */
  readonly write: (file: string, text: string, why: string) => Promise<unknown>
  readonly objects: () => ReadonlyMap<string, ConfigObject>
  /** Whether this replica is the one that does what is done once; it is if not given. */
  readonly mine?: () => boolean
  readonly now?: () => number
  /** Told what could not be done; it is tried again. */
  readonly onProblem?: (message: string) => void
}

/**
 * Ends faults and mirrors whose time is up, as revisions. Looks when the configuration was read and when the next one is due; what
 * came due while no control plane ran ends as soon as one does. Of several replicas one does it; where there is none to do it, a minute
 * later any of them: the ledger takes each change once.
 */
export class Expiries {
  readonly #options: ExpiriesOptions
  readonly #now: () => number
  #timer: NodeJS.Timeout | undefined
  #work: Promise<void> | undefined
  #again = false
  #stopped = false
  /** Told once as long as it lasts. */
  #problem = ''
  /** What is due and left to another replica, by key: since when. */
  #left: ReadonlyMap<string, number> = new Map()

  constructor(options: ExpiriesOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** Looks now. Resolves when everything due has been written, or could not be. */
  look(): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    this.#again = true
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined
    })
    return this.#work
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      clearTimeout(this.#timer)
      const next = await this.#settle()
      if (next === undefined || this.#stopped) continue
      const wait = Math.min(Math.max(0, next - this.#now()), LONGEST_WAIT_MS)
      this.#timer = setTimeout(() => void this.look(), wait).unref()
    }
  }

  /** Writes what is due, and answers when the next one is. */
  async #settle(): Promise<number | undefined> {
    const times: number[] = []
    const problems: string[] = []
    const left = new Map<string, number>()
    for (const object of this.#options.objects().values()) {
      const lifetime = lifetimeOf(object)
      const due = expiryOf(object)
      if (lifetime === undefined && due === undefined) continue
      if (due !== undefined && due > this.#now()) {
        times.push(due)
        continue
      }
      if (this.#options.mine?.() === false) {
        const since = this.#left.get(object.key) ?? this.#now()
        if (this.#now() - since < LEFT_MS) {
          left.set(object.key, since)
          times.push(this.#now() + LOOK_MS)
          continue
        }
      }
      try {
        await (lifetime === undefined ? this.#end(object) : this.#count(object, lifetime))
      } catch (error) {
        // Somebody else was first: it is read again, and looked at again.
        if (error instanceof ApiError && error.status === 409) {
          times.push(this.#now() + LOOK_MS)
          continue
        }
        problems.push(`${object.key}: its faults and mirrors cannot be ended in time: ${errorText(error)}`)
        times.push(this.#now() + RETRY_MS)
      }
    }
    this.#left = left
    const problem = problems.join('\n')
    if (problem !== '' && problem !== this.#problem) (this.#options.onProblem ?? process.emitWarning)(problem)
    this.#problem = problem
    return times.length === 0 ? undefined : Math.min(...times)
  }

  async #count(object: ConfigObject, lifetime: number): Promise<void> {
    const at = this.#now() + lifetime
    await this.#write(object, (text) => withDeadline(text, object, at), countedReason(object.key, at))
  }

  async #end(object: ConfigObject): Promise<void> {
    await this.#write(object, (text) => withoutExpired(text, object), endedReason(object.key))
  }

  async #write(object: ConfigObject, rewrite: (text: string) => string | undefined, why: string): Promise<void> {
    const found = this.#options.read(object)
    if (!found) throw new Error(`${object.source.file} is no file that can be written here`)
    const { file, bytes } = found
    const text = bytes && rewrite(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    // The file was edited since it was read: it will be read again, and looked at again.
    if (text === undefined) return
    await this.#options.write(file, text, why)
  }
}
