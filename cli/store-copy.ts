import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { type ConsulAddress, KvLedger } from '../controlplane/consul/index.ts'
import { type FileChange, Ledger, nameProblem, type RevisionLedger } from '../controlplane/ledger/index.ts'
import { CommandError } from './errors.ts'
import { type StorePlace, storePlace } from './store.ts'

interface CopyOptions {
  readonly dryRun: boolean
  readonly why: string
  readonly address: Omit<ConsulAddress, 'url'>
}

/** Copies files from store to store. `same` tells whether what was read back is what was written. @throws CommandError */
export async function copyStore(
  from: string,
  to: string,
  options: CopyOptions,
): Promise<{ readonly text: string; readonly same: boolean }> {
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
    const names = changes.map(({ file, bytes }) => {
      const mark = bytes === undefined ? '-' : target.file(file) ? '~' : '+'
      return `${mark} ${file}`
    })
    const head = `${source.files().length} files in ${from}, ${target.files().length} in ${to}`
    if (changes.length === 0) return { text: `${head}: the same already`, same: true }
    if (options.dryRun)
      return {
        text: [head, ...names, `${changes.length} files would change; nothing was changed`].join('\n'),
        same: true,
      }
    const expected = new Map(changes.map(({ file }) => [file, target.file(file)?.hash]))
    const who = userInfo().username
    const revision = await target.apply(changes, { who, why: options.why, source: 'api', expected })
    const again = await open(storePlace(to))
    const left = difference(source, again)
    const verified = left.length === 0 ? 'read back and compared: equal' : `read back: ${left.length} files differ`
    return {
      text: [head, ...names, `revision ${revision.id} of ${to}: ${changes.length} files; ${verified}`].join('\n'),
      same: left.length === 0,
    }
  } finally {
    for (const ledger of opened) await ledger.close()
    await rm(temporary, { recursive: true, force: true })
  }
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
