import type { ConfigObject } from '../../config/object.ts'
import { ConsulError } from '../../consul/index.ts'
import {
  ConflictError,
  contentHash,
  type FileChange,
  nameProblem,
  type Revision,
  type RevisionLedger,
} from '../../ledger/index.ts'
import type { LiveConfig } from '../../live-config.ts'
import type { CompiledMesh } from '../../mesh.ts'
import { MemorySource, type SourceSnapshot } from '../../sources/index.ts'
import type { StatusBook } from '../../status/book.ts'
import { ApiError, badRequest, notFound } from '../http/errors.ts'
import { Convergences } from './convergence.ts'
import { EventHub } from './events.ts'
import { Expiries } from './expiries.ts'
import { keptRevision } from './kept.ts'
import { type PlannedFile, Planner, planHash } from './planner.ts'
import { Recording } from './recording.ts'
import { affectedServices } from './services.ts'
import { TrafficWatch, type TrafficWatchOptions } from './traffic-watch.ts'

export interface ChangesOptions {
  readonly ledger: RevisionLedger
  /** The folder as it was given to the source. */
  readonly folder: string
  /** The source of the configuration: what it holds, and a way to make it look at once. */
  readonly source: { readonly snapshot: SourceSnapshot; refresh?(): Promise<unknown> }
  readonly config: LiveConfig
  /** The mesh proxies are served from. */
  readonly mesh: CompiledMesh
  readonly status: StatusBook
  /** Traffic of services; absent where nothing tells it. */
  readonly figures?: TrafficWatchOptions['figures']
  readonly now?: () => number
  /** Whether this replica is the one that does what is done once; it is if not given. */
  readonly mine?: () => boolean
  /** Told of what could not be done and is tried again; a warning of the process if not given. */
  readonly warn?: (error: Error) => void
  /** Told when changes are recorded again, after a warning that they were not. */
  readonly again?: () => void
}

/** A file in a change set as a client sends it. */
export type SentFile =
  | { readonly file: string; readonly text: string }
  | { readonly file: string; readonly delete: true }

/** A step back: to the state after a revision, or the opposite of one revision. */
export type StepBack = { readonly to: number } | { readonly undo: number }

/** Somebody else changed the same files: the three texts that a person must bring together. */
export class ChangeConflict extends ApiError {
  readonly conflicts: readonly ConflictingFile[]

  constructor(conflicts: readonly ConflictingFile[]) {
    const names = conflicts.map(({ file }) => file).join(', ')
    super(409, 'CONFLICT', `changed in the meantime: ${names}; bring the changes together and plan again`)
    this.conflicts = conflicts
  }
}

export interface ConflictingFile {
  readonly file: string
  readonly base: Uint8Array | undefined
  readonly theirs: Uint8Array | undefined
  readonly mine: Uint8Array | undefined
}

/** Everything about changing the configuration: what would happen, doing it, following it and telling about it. */
export class Changes {
  readonly ledger: RevisionLedger
  readonly planner: Planner
  readonly convergences: Convergences
  readonly traffic: TrafficWatch
  readonly events = new EventHub()
  readonly expiries: Expiries
  readonly #options: ChangesOptions
  readonly #stops: (() => void)[] = []
  readonly #warn: (error: Error) => void
  readonly #recording: Recording
  readonly #sensitive = new Map<string, boolean>()
  #objects: ReadonlyMap<string, ConfigObject> | undefined
  /** Services that documents name which were read, and are of no revision yet. */
  readonly #edited = new Set<string>()
  /** The newest revision, where it is of an edit by hand that was recorded before it was read: what it is about is not known yet. */
  #unread: { readonly id: number; readonly at: number } | undefined

  constructor(options: ChangesOptions) {
    const { ledger, config, status, warn = process.emitWarning } = options
    this.#options = options
    this.#warn = warn
    this.ledger = ledger
    this.#recording = new Recording({ ...options, warn, sync: () => ledger.sync() })
    this.planner = new Planner(options)
    this.convergences = new Convergences(this.planner, status, options.now)
    this.traffic = new TrafficWatch({ ...options, warn })
    this.expiries = new Expiries({
      read: ({ source }) => {
        const file = ledger.files().find((one) => this.planner.pathOf(one.file) === source.file)?.file
        return file === undefined ? undefined : { file, bytes: ledger.read(file) }
      },
      write: (file, text, why) =>
        this.apply(this.changeSet([{ file, text }], ledger.head), undefined, {
          who: 'expiry',
          why,
          source: 'expiry',
          refers: undefined,
        }),
      objects: () => config.objects,
      onProblem: (message) => warn(new Error(message)),
      ...(options.now ? { now: options.now } : {}),
      ...(options.mine ? { mine: options.mine } : {}),
    })
    this.#stops.push(
      () => this.planner.stop(),
      () => this.expiries.stop(),
      () => this.#recording.stop(),
      config.onUpdate(({ changed, config: { objects } }) => {
        this.convergences.read()
        if (this.#objects)
          for (const host of affectedServices(this.#objects, objects, [], changed)) this.#edited.add(host)
        this.#objects = objects
        if (this.#unread && this.#edited.size > 0) this.#watchEdit(this.#unread)
        this.events.emit('config', { objects: objects.size, changed: changed.length })
        // What was edited by hand becomes a revision as soon as it has come to rest and was read.
        this.#recording
          .record()
          .then((recorded) => {
            // What is a revision now, of this process or another, is nobody's edit any more.
            if (recorded) this.#edited.clear()
            return recorded && !ledger.readOnly ? this.expiries.look() : undefined
          })
          .catch((error: Error) => warn(error))
      }),
      ledger.onRevision(({ id, at, who, why, source, files }) => {
        this.#unread = undefined
        if (source === 'files') this.#watchEdit({ id, at })
        this.events.emit('revision', { id, who, why, source, files: files.map(({ file }) => file) })
      }),
      this.#watch(),
    )
  }

  #watchEdit(revision: { readonly id: number; readonly at: number }): void {
    const unread = this.#edited.size === 0
    this.#unread = unread ? revision : undefined
    if (!unread) this.traffic.begin(revision.id, [...this.#edited].sort(), revision.at)
  }

  stop(): void {
    for (const stop of this.#stops) stop()
    this.traffic.stop()
    this.events.stop()
  }

  /** A change set with the texts it replaces. @throws ChangeConflict when one of them changed since `base` */
  changeSet(sent: readonly SentFile[], base: number): readonly PlannedFile[] {
    this.#known(base)
    const named = new Set<string>()
    for (const { file } of sent) {
      if (named.has(file)) throw badRequest(`${JSON.stringify(file)} is named twice`)
      named.add(file)
      const problem = nameProblem(file)
      if (problem) throw badRequest(`${JSON.stringify(file)}: ${problem}`)
    }
    const files = sent.map((one) => {
      const after = 'text' in one ? Buffer.from(one.text) : undefined
      return { file: one.file, before: this.ledger.read(one.file), after }
    })
    this.#noConflict(files, base)
    return this.#real(files)
  }

  /** The change set of a step back. @throws ChangeConflict when what shall be undone was changed since */
  stepBack(step: StepBack): readonly PlannedFile[] {
    if ('to' in step) {
      this.#known(step.to)
      const then = this.ledger.treeAt(step.to)
      const names = new Set([...then.keys(), ...this.ledger.files().map(({ file }) => file)])
      return this.#real(
        [...names].map((file) => ({
          file,
          before: this.ledger.read(file),
          after: this.#content(then.get(file)),
        })),
      )
    }
    const revision = this.ledger.revision(step.undo)
    if (!revision) throw notFound(`there is no revision ${step.undo}`)
    const files = revision.files.map(({ file, before }) => ({
      file,
      before: this.ledger.read(file),
      after: this.#content(before),
    }))
    this.#noConflict(files, step.undo)
    return this.#real(files)
  }

  /** Writes a change set that was planned. Refuses one that brings new errors. @throws ApiError */
  async apply(
    files: readonly PlannedFile[],
    expectedHash: string | undefined,
    by: Pick<Revision, 'who' | 'why' | 'source' | 'refers'>,
  ): Promise<Revision> {
    const { readOnly } = this.ledger
    if (readOnly) throw new ApiError(503, 'READ_ONLY', readOnly.reason)
    if (expectedHash !== undefined && planHash(files) !== expectedHash)
      throw new ApiError(409, 'PLAN_STALE', 'this is not what was planned: plan again and look at what it does now')
    const plan = await this.planner.plan(files)
    const [worst] = plan.newErrors
    if (worst)
      throw new ApiError(
        422,
        'INVALID',
        `the change brings ${plan.newErrors.length === 1 ? 'an error' : `${plan.newErrors.length} errors; the first`}: ${worst.file}:${worst.line}:${worst.column}: ${worst.message}`,
      )
    const changes: FileChange[] = files.map(({ file, after }) => ({ file, bytes: after }))
    const expected = new Map(files.map(({ file, before }) => [file, before && contentHash(before)]))
    const head = this.ledger.head
    try {
      const revision = await this.ledger.apply(changes, { ...by, expected })
      this.convergences.follow(revision.id, plan)
      this.traffic.begin(revision.id, plan.services, revision.at)
      // Not awaited: convergence tells when it is in force. A failure shows as a complaint of the source.
      // Who took it back by hand before it was read changed nothing for the source, but for the history.
      this.#options.source
        .refresh?.()
        .then(() => this.#recording.record())
        .catch((error: Error) => this.#warn(error))
      return revision
    } catch (error) {
      if (error instanceof ConsulError)
        throw new ApiError(503, 'STORE_UNAVAILABLE', `nothing was changed: ${error.message}`)
      if (!(error instanceof ConflictError)) throw error
      const mine = new Map(files.map((one) => [one.file, one.after]))
      throw new ChangeConflict(
        error.files.map((file) => ({
          file,
          base: this.ledger.read(file, head),
          theirs: this.ledger.read(file),
          mine: mine.get(file),
        })),
      )
    }
  }

  /** Whether a text holds a Secret, or a private key anywhere else. */
  isSensitive(file: string, bytes: Uint8Array | undefined): boolean {
    if (!bytes) return false
    const hash = contentHash(bytes)
    const known = this.#sensitive.get(hash)
    if (known !== undefined) return known
    const found = holdsSecrets(file, Buffer.from(bytes).toString())
    if (this.#sensitive.size > 10_000) this.#sensitive.clear()
    this.#sensitive.set(hash, found)
    return found
  }

  #known(revision: number): void {
    if (revision !== 0) keptRevision(this.ledger, revision)
  }

  #content(hash: string | undefined): Buffer | undefined {
    return hash === undefined ? undefined : this.ledger.content(hash)
  }

  #noConflict(files: readonly PlannedFile[], base: number): void {
    const conflicts = files.filter(
      ({ file, before }) => this.ledger.hashAt(file, base) !== (before && contentHash(before)),
    )
    if (conflicts.length > 0)
      throw new ChangeConflict(
        conflicts.map(({ file, before, after }) => ({
          file,
          base: this.ledger.read(file, base),
          theirs: before,
          mine: after,
        })),
      )
  }

  /** Without files that stay as they are. @throws ApiError when none is left */
  #real(files: readonly PlannedFile[]): readonly PlannedFile[] {
    const real = files.filter(({ before, after }) =>
      before && after ? !Buffer.from(before).equals(after) : before !== after,
    )
    if (real.length === 0) throw new ApiError(422, 'NO_CHANGE', 'nothing would change')
    return real
  }

  /** While somebody listens: tells how proxies are doing, when that changes. Keeps the connections open in any case. */
  #watch(): () => void {
    let last = ''
    const look = setInterval(() => {
      if (this.events.clients === 0) return
      const states = { connected: 0, synced: 0, stale: 0, nack: 0 }
      for (const { types, disconnectedAt } of this.#options.status.clients()) {
        if (disconnectedAt !== undefined) continue
        states.connected++
        if (types.some(({ state }) => state === 'NACK')) states.nack++
        else if (types.some(({ state }) => state === 'STALE')) states.stale++
        else states.synced++
      }
      const convergence = this.convergences.latest()
      const told = convergence && {
        revision: convergence.revision,
        inForce: convergence.inForce,
        ...convergence.counts,
      }
      const now = JSON.stringify([states, told])
      if (now === last) return
      last = now
      this.events.emit('proxies', states)
      if (told) this.events.emit('convergence', told)
    }, 1_000)
    const beat = setInterval(() => this.events.beat(), 15_000)
    look.unref()
    beat.unref()
    return () => {
      clearInterval(look)
      clearInterval(beat)
    }
  }
}

function holdsSecrets(file: string, text: string): boolean {
  if (/PRIVATE KEY|LS0tLS1CRUdJTi/.test(text)) return true
  // Escapes could spell the word.
  if (!/secret|\\[ux]/i.test(text)) return false
  if (/\bkind["']?\s*:\s*["']?Secret\b/.test(text)) return true
  return MemorySource.of({ [file]: text }).snapshot.documents.some(
    ({ value }) => (value as { kind?: unknown } | null)?.kind === 'Secret',
  )
}
