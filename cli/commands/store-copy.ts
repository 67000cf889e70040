import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { type ConsulAddress, KvLedger } from '../../controlplane/consul/index.ts'
import { type FileChange, Ledger, nameProblem, type RevisionLedger } from '../../controlplane/ledger/index.ts'
import { CommandError } from '../errors.ts'
import { counted } from '../output.ts'
import { type StorePlace, storePlace } from '../run/store-place.ts'

interface CopyOptions {
  readonly dryRun: boolean
  readonly why: string
  readonly address: Omit<ConsulAddress, 'url'>
}

/** What a copy did, or would do. */
export interface Copied {
  readonly from: string
  readonly to: string
  /** Files in either store before. */
  readonly files: { readonly from: number; readonly to: number }
  readonly changes: readonly { readonly file: string; readonly change: 'added' | 'changed' | 'removed' }[]
  /** Of the target; none where nothing was written. */
  readonly revision?: number
  /** Files that were not what was written when they were read back. */
  readonly differing: number
}

/** Copies files from store to store, and reads them back. @throws CommandError */
export async function copyStore(from: string, to: string, options: CopyOptions): Promise<Copied> {
  const temporary = await mkdtemp(join(tmpdir(), 'meshgate-store-'))
  const opened: RevisionLedger[] = []
  const open = async (place: StorePlace) => {
    const ledger = await openStore(place, join(temporary, String(opened.length)), options).catch((error: Error) => {
      throw new CommandError(error.message)
    })
    opened.push(ledger)
    return ledger
  }
  /** A folder that is not there yet is made, or, where nothing is to be changed, an empty one stands for it. */
  const made = async (place: StorePlace): Promise<StorePlace> => {
    if (place.kind !== 'file' || existsSync(place.folder)) return place
    const folder = options.dryRun ? join(temporary, 'empty') : place.folder
    await mkdir(folder, { recursive: true }).catch((error: Error) => {
      throw new CommandError(`${place.folder} cannot be made: ${error.message}`)
    })
    return { ...place, folder }
  }
  try {
    const [source, target] = [await open(existing(storePlace(from))), await open(await made(storePlace(to)))]
    const changes = difference(source, target)
    const told = {
      ...{ from, to, files: { from: source.files().length, to: target.files().length }, differing: 0 },
      changes: changes.map(({ file, bytes }) => ({
        file,
        change: bytes === undefined ? 'removed' : target.file(file) ? 'changed' : 'added',
      })),
    } satisfies Copied
    if (changes.length === 0 || options.dryRun) return told
    const expected = new Map(changes.map(({ file }) => [file, target.file(file)?.hash]))
    const who = userInfo().username
    const revision = await target.apply(changes, { who, why: options.why, source: 'api', expected })
    const again = await open(storePlace(to))
    return { ...told, revision: revision.id, differing: difference(source, again).length }
  } finally {
    for (const ledger of opened) await ledger.close()
    await rm(temporary, { recursive: true, force: true })
  }
}

const MARK = { added: '+', changed: '~', removed: '-' }

/** What a copy did, for people. */
export function copyText({ from, to, files, changes, revision, differing }: Copied): string {
  const head = `${counted(files.from, 'file')} in ${from}, ${files.to} in ${to}`
  if (changes.length === 0) return `${head}: the same already`
  const verified =
    differing === 0 ? 'read back and compared: equal' : `read back: ${counted(differing, 'file')} not the same`
  const end =
    revision === undefined
      ? `${counted(changes.length, 'file')} would change; nothing was changed`
      : `revision ${revision} of ${to}: ${counted(changes.length, 'file')}; ${verified}`
  return [head, ...changes.map(({ file, change }) => `${MARK[change]} ${file}`), end].join('\n')
}

/** @throws CommandError for a folder that is not there */
function existing(place: StorePlace): StorePlace {
  if (place.kind === 'file' && !existsSync(place.folder)) throw new CommandError(`there is no folder ${place.folder}`)
  return place
}

function openStore(place: StorePlace, mirror: string, { address }: CopyOptions): Promise<RevisionLedger> {
  if (place.kind === 'file') return Ledger.open(place.folder)
  const say = (_: object, message: string) => process.stderr.write(`${message}\n`)
  return KvLedger.open({
    ...{ address: { ...address, url: place.url }, prefix: place.prefix, mirror },
    log: { info: () => {}, warn: say },
  })
}

/** What makes the files of `target` those of `source`. */
function difference(source: RevisionLedger, target: RevisionLedger): readonly FileChange[] {
  const changes: FileChange[] = []
  for (const { file, hash } of source.files()) {
    if (target.file(file)?.hash === hash) continue
    const problem = nameProblem(file)
    if (problem) throw new CommandError(`${file}: ${problem}`)
    const bytes = source.content(hash)
    if (!bytes) throw new CommandError(`the content of ${file} cannot be read`)
    changes.push({ file, bytes })
  }
  const wanted = new Set(source.files().map(({ file }) => file))
  for (const { file } of target.files()) if (!wanted.has(file)) changes.push({ file, bytes: undefined })
  return changes
}
