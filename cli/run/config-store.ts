import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, relative, resolve, sep } from 'node:path'
import type { NoEditing } from '../../controlplane/admin/editing.ts'
import { protocolFiles } from '../../controlplane/config/protocols.ts'
import {
  type ConsulAddress,
  KvAccess,
  KvLearned,
  KvLedger,
  KvSource,
  kvPresence,
  LAYOUT,
  SessionLock,
  type SourceState,
} from '../../controlplane/consul/index.ts'
import {
  AccessRows,
  Accounts,
  type Database,
  databasePath,
  FolderLock,
  FollowedLedger,
  type Keeper,
  Ledger,
  openDatabase,
  openDatabaseForServer,
  type ReadOnlyReason,
  type RevisionLedger,
  replacedSince,
} from '../../controlplane/ledger/index.ts'
import type { LearnedStore, PresenceStore, SharedLearnedStore } from '../../controlplane/shared/index.ts'
import {
  CompanionSource,
  type ConfigSource,
  type EarlierContents,
  FileStore,
  type NamedContent,
  type SourceSnapshot,
} from '../../controlplane/sources/index.ts'
import { errorText } from '../../errors/thrown.ts'
import { CommandError } from '../errors.ts'
import type { Log } from './log.ts'
import { storePlace } from './store-place.ts'

/** Where the configuration of a control plane comes from, and its history. */
export interface ConfigStore {
  readonly source: ConfigSource & { readonly snapshot: SourceSnapshot; refresh(): Promise<unknown> }
  /** The name under which the source knows files below it. */
  readonly folder: string
  /** What files said before, as far as the history has it and can be read. */
  readonly earlier: EarlierContents
  /** Files that changed or went in the last seconds, as they were before, so far as the history is open and can be read. */
  replaced(): Iterable<NamedContent>
  /**
   * Opens the history, completing what an earlier process left half written; one that can only be read while another process keeps
   * it, always the same until this one can take over; why there can be none; undefined for what is no folder.
   */
  openLedger(): Promise<{ readonly ledger: RevisionLedger; readonly db: Database } | NoEditing | undefined>
  /** Whether this replica is the one that does what must be done once. */
  isSequencer(): boolean
  /** Tells processes that find this store taken where it can be changed: the URL of the API of this one. */
  announce(api: string): void
  /** Where replicas that share this store tell each other what they have; undefined for a folder. */
  presence(): PresenceStore | undefined
  /** What workloads use on demand, kept by `own` and shared through this store; undefined for a folder. */
  learned(own: LearnedStore): SharedLearnedStore | undefined
  /** How a store that is elsewhere is doing. */
  state(): SourceState | undefined
  stop(): Promise<void>
}

/** What one replica does for all: at its time, once. */
const LEADS = 'this replica ends faults and mirrors in time and forgets old revisions, for all replicas'
const LEADS_NO_MORE = 'another replica ends faults and mirrors in time and forgets old revisions'
/** Waiting for a database in which nothing else happens meanwhile, ms. */
const SHORT_WAIT_MS = 20
/** How often old revisions are looked for. */
const COMPACT_MS = 3_600_000

/**
 * The store a control plane is started with: a folder, or Consul. @throws CommandError when Consul cannot be read and there is no copy
 * from an earlier start; UsageError for an address that is none
 */
export async function openConfigStore(
  place: string,
  { address, stateDir, log }: { address: Omit<ConsulAddress, 'url'>; stateDir: string; log: Log },
): Promise<ConfigStore> {
  const { kind, ...rest } = storePlace(place)
  if (kind === 'file') return folderStore((rest as { folder: string }).folder, log)
  const { url, prefix } = rest as { url: string; prefix: string }
  const hash = createHash('sha256').update(`${url} ${prefix}`).digest('hex').slice(0, 12)
  const full = { ...address, url }
  const ledger = await KvLedger.open({ address: full, prefix, mirror: join(stateDir, `store-${hash}`), log }).catch(
    (error: Error) => {
      throw new CommandError(`${place}: ${error.message}`)
    },
  )
  if (ledger.head === 0)
    log.warn(
      { store: ledger.name },
      `there is no configuration here yet: bring a folder with "meshgate store copy file:DIR ${place}", or write it through the API`,
    )
  const lock = new SessionLock({
    address: full,
    key: `${prefix}/${LAYOUT.lock}`,
    holder: `${hostname()} ${process.pid}`,
    onChange: (held) => log.info({ store: ledger.name, held }, held ? LEADS : LEADS_NO_MORE),
  })
  const timer = setInterval(() => {
    ledger
      .compact(undefined, lock)
      .catch((error: Error) => log.warn({ store: ledger.name, err: error }, 'old revisions could not be forgotten'))
  }, COMPACT_MS)
  timer.unref()
  const db = await openDatabaseForServer(stateDir)
  let access: KvAccess | undefined
  const earlier = earlierIn(
    () => ledger,
    (file) => file,
    log,
  )
  return {
    source: new KvSource(ledger, earlier),
    folder: '',
    earlier,
    replaced: () => replacedIn(ledger, (file) => file, log),
    async openLedger() {
      access ??= await KvAccess.start({ address: full, prefix, rows: new AccessRows(db), log })
      return { ledger, db }
    },
    isSequencer: () => lock.held,
    // Replicas that share it all may change it.
    announce() {},
    presence: () => kvPresence(full, prefix),
    learned: (own) => new KvLearned(own, { address: full, prefix, log }),
    state: () => {
      const { lastContact, error, name, asOf } = ledger
      const ageMs = error === undefined || asOf === undefined ? 0 : Math.max(1, Date.now() - asOf)
      return {
        ...{ name, state: error === undefined ? 'ok' : 'lost', ageMs, lastContact, error, held: [], requests: 0 },
        ...{ services: 0, followed: 0, instances: 0, waiting: 0 },
      }
    },
    async stop() {
      clearInterval(timer)
      await access?.stop()
      await lock.stop()
      await ledger.close()
      db.close()
    },
  }
}

function folderStore(folder: string, log: Log): ConfigStore {
  let opened: Ledger | undefined
  let followed: FollowedLedger | undefined
  let lock: FolderLock | undefined
  let api: string | undefined
  let readOnly: ReadOnlyReason = { reason: '' }
  /** @throws Error when the history can be neither kept nor read */
  const open = async () => {
    if (!lock) {
      const taken = FolderLock.take(folder, { pid: process.pid, api })
      if (taken && !(taken instanceof FolderLock)) {
        readOnly = takenBy(taken.keeper)
        followed ??= await FollowedLedger.open(folder, () => readOnly)
        return followed
      }
      lock = taken
    }
    opened = await Ledger.open(folder, {
      warn: (error) => log.warn({ folder, err: error }, 'edits by hand cannot be recorded yet'),
    })
    return opened
  }
  const earlier = earlierIn(
    () => opened ?? followed,
    (path) => relative(folder, path).replaceAll(sep, '/'),
    log,
  )
  return {
    source: new CompanionSource(new FileStore({ paths: folder, earlier }), protocolFiles),
    folder,
    earlier,
    replaced: () => replacedIn(opened ?? followed, (file) => join(folder, file), log),
    async openLedger() {
      try {
        if (!statSync(folder).isDirectory()) return undefined
        const ledger = await open()
        return { ledger, db: ledger.db }
      } catch (error) {
        // A folder that is not there is the reader's complaint.
        if (!existsSync(folder)) return undefined
        const reason = `the configuration cannot be changed here, there is no history: ${errorText(error)}`
        return { reason, closed: mayHaveUsers(folder) }
      }
    },
    isSequencer: () => true,
    announce(url) {
      api = url
      lock?.tell({ pid: process.pid, api })
    },
    presence: () => undefined,
    learned: () => undefined,
    state: () => undefined,
    async stop() {
      await opened?.close()
      await followed?.close()
      lock?.release()
    },
  }
}

/**
 * What files held before, from a history that may not be there. One that cannot be read ends there: a start does not fail for it.
 * @param nameOf the name in the history of a file of the source
 */
function earlierIn(
  ledger: () => RevisionLedger | undefined,
  nameOf: (file: string) => string,
  log: Log,
): EarlierContents {
  return function* (file) {
    try {
      yield* ledger()?.contentsOf(nameOf(file)) ?? []
    } catch (error) {
      log.warn({ file, err: error }, 'what the file said before cannot be read from the history')
    }
  }
}

/** How long proxies may be led by what a file said before this process, ms: longer than they take to get their new routes. */
const REPLACED_MS = 15_000

/** @param fileOf the name in the source of a file of the history */
function* replacedIn(
  ledger: RevisionLedger | undefined,
  fileOf: (name: string) => string,
  log: Log,
): Generator<NamedContent> {
  try {
    if (!ledger) return
    for (const { file, bytes } of replacedSince(ledger, Date.now() - REPLACED_MS)) yield { file: fileOf(file), bytes }
  } catch (error) {
    log.warn({ err: error }, 'what files said a moment ago cannot be read from the history')
  }
}

/** Whether somebody may be defined who has to log in; what cannot be read may say so. */
function mayHaveUsers(folder: string): boolean {
  if (!existsSync(databasePath(folder))) return false
  let db: Database | undefined
  try {
    db = openDatabase(folder, SHORT_WAIT_MS)
    return new Accounts(db).users().length > 0
  } catch {
    // Who cannot be known cannot be let in; the reason is told with the refusal.
    return true
  } finally {
    db?.close()
  }
}

/** Who has the folder, and what to do. */
function takenBy(keeper: Keeper | undefined): ReadOnlyReason {
  const about = keeper ? ` (process ${keeper.pid}${keeper.api ? `, ${keeper.api}` : ''})` : ''
  return {
    reason: `another meshgate${about} keeps the history of this folder: change the configuration there, or end it and this one takes over. What is changed there is in force here, too`,
    api: keeper?.api,
  }
}

/** Where a control plane keeps what must outlive a restart. */
export function stateFolder(place: string, given: string | undefined): string {
  if (given !== undefined) return resolve(given)
  const target = storePlace(place)
  if (target.kind === 'consul') return resolve('.meshgate')
  const isFolder = statSync(target.folder, { throwIfNoEntry: false })?.isDirectory() ?? false
  return isFolder ? join(target.folder, '.meshgate') : resolve('.meshgate')
}
