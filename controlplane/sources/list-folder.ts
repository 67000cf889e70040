import { basename, dirname, join, resolve, sep } from 'node:path'
import { errorCode } from '../../errors/thrown.ts'
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import { byPath, type FoundFile } from './choose-files.ts'
import { isConfigName, isIgnoredName } from './config-names.ts'
import { errorReason, type FileAccess, type FolderEntry } from './file-access.ts'
import type { Folder, LinkedFolder } from './found.ts'
import { complainAt } from './yaml-documents.ts'

/** A folder that is to be listed. */
export interface ToList {
  readonly path: string
  readonly identity: string
  /** As it was listed last. */
  readonly before: Folder | undefined
  /** Look at these names only; undefined: at all. */
  readonly names: ReadonlySet<string> | undefined
}

/** What has to be known of everything else that was looked at. */
export interface Surroundings {
  /** Entries of other folders found so far, and how many there may be in all. */
  readonly entries: { readonly found: number; readonly most: number }
  /** Whether there was a folder at this path. */
  wasFolder(path: string): boolean
}

/** A folder as it is now, or as it was where that cannot be seen. */
export interface Listed {
  readonly folder: Folder
  /** Links that led to a folder and lead nowhere now: what was below them is to be kept. */
  readonly lost: readonly string[]
  /** There are more entries than may be. */
  readonly isFull: boolean
}

/** A listing in the making. */
interface Listing {
  readonly files: FoundFile[]
  readonly folders: string[]
  readonly links: LinkedFolder[]
  readonly elsewhere: Set<string>
  readonly diagnostics: Diagnostic[]
  readonly lost: string[]
}

/**
 * Lists one folder: its files with their state, its folders, where its links lead. It enters none of them and reads nothing. What cannot be
 * listed, or seems to have lost its mount, is as it was, with a complaint, and stale: it is looked at again next time.
 */
export async function listFolder(access: FileAccess, what: ToList, around: Surroundings): Promise<Listed> {
  const { path, identity, before, names } = what
  let real: string
  let entries: FolderEntry[]
  try {
    real = await access.realPath(path)
    entries = names ? await single(access, path, names) : await access.list(path)
  } catch (error) {
    return asBefore(what, complainAt('SOURCE_UNREADABLE', path, `the folder cannot be listed: ${errorReason(error)}`))
  }
  const { found, most } = around.entries
  if (found + entries.length > most) {
    const message = `more than ${most} entries in folders; ${path} and what follows is not looked at`
    return { ...asBefore(what, complainAt('SOURCE_TOO_MANY_FILES', path, message)), isFull: true }
  }
  const isEmptyNow = before && before.entries > 0 && entries.length === 0 && !names
  if (isEmptyNow && device(before.identity) !== device(identity)) {
    const message = `${path} is empty and on another device: a mount seems to be gone`
    return asBefore(what, complainAt('SOURCE_FOLDER_GONE', path, message))
  }
  const into = restOf(before, names)
  const wanted = entries.filter(({ name, kind }) =>
    kind === 'folder' || kind === 'link' ? !isIgnoredName(name) : isConfigName(name),
  )
  await eachOf(wanted, async ({ name, kind }) => {
    const at = join(path, name)
    if (kind === 'folder') into.folders.push(at)
    else if (kind === 'link') await addLink(access, at, real, around, into)
    else into.files.push(await fileAt(access, at))
  })
  const folder = {
    ...{ path, real, identity, stale: into.lost.length > 0 },
    files: into.files.sort(byPath),
    folders: into.folders.sort(),
    links: into.links.sort(byPath),
    elsewhere: [...into.elsewhere],
    diagnostics: into.diagnostics,
    entries: names && before ? before.entries : entries.length,
  }
  return { folder, lost: into.lost, isFull: false }
}

/** A file with its state, or with why it cannot be looked at. */
export async function fileAt(access: FileAccess, path: string): Promise<FoundFile> {
  try {
    return { path, info: await access.info(path), link: false }
  } catch (error) {
    return { path, info: undefined, error: errorReason(error), link: false }
  }
}

/** Folders in which a change can change what a link leads to. @throws Error when it leads nowhere */
export async function targetFolders(access: FileAccess, path: string): Promise<Set<string>> {
  const real = await access.realPath(path)
  const folders = new Set([dirname(real)])
  try {
    folders.add(dirname(resolve(dirname(path), await access.linkTarget(path))))
  } catch {
    // No link itself: only a folder on its way is one.
  }
  return folders
}

/** The file is as it was looked at before, and may not be there. */
export function kept(file: FoundFile): FoundFile {
  return { ...file, kept: true }
}

function asBefore({ path, identity, before }: ToList, complaint: Diagnostic): Listed {
  const empty = { path, real: path, identity, files: [], folders: [], links: [], elsewhere: [], entries: 0 }
  const files = (before?.files ?? []).map(kept)
  const folder = { ...(before ?? empty), files, diagnostics: [complaint], stale: true }
  return { folder, lost: [], isFull: false }
}

/** What a listing of some names leaves as it was. */
function restOf(before: Folder | undefined, names: ReadonlySet<string> | undefined): Listing {
  const keep = (path: string) => names !== undefined && !names.has(basename(path))
  return {
    files: (before?.files ?? []).filter((it) => keep(it.path)),
    folders: (before?.folders ?? []).filter(keep),
    links: (before?.links ?? []).filter((it) => keep(it.path)),
    diagnostics: (before?.diagnostics ?? []).filter((it) => keep(it.file)),
    elsewhere: new Set(names ? before?.elsewhere : []),
    lost: [],
  }
}

/** The device part of an identity. */
function device(identity: string): string {
  return identity.slice(0, identity.indexOf(':'))
}

/** The entries of these names that are there. */
async function single(access: FileAccess, folder: string, names: ReadonlySet<string>): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = []
  await eachOf([...names], async (name) => {
    try {
      entries.push(await access.entry(join(folder, name)))
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
    }
  })
  return entries
}

async function addLink(
  access: FileAccess,
  path: string,
  folderReal: string,
  { wasFolder }: Surroundings,
  into: Listing,
): Promise<void> {
  const isConfig = isConfigName(basename(path))
  try {
    const info = await access.info(path)
    if (info.kind === 'folder') {
      const real = await access.realPath(path)
      if (folderReal === real || folderReal.startsWith(real.endsWith(sep) ? real : real + sep)) {
        const message = `this link leads back to ${real}, which it stands in`
        into.diagnostics.push(complainAt('SOURCE_SYMLINK_LOOP', path, message))
      } else into.links.push({ path, real, identity: info.identity })
    } else if (isConfig) {
      into.files.push({ path, info, link: true })
      for (const folder of await targetFolders(access, path)) into.elsewhere.add(folder)
    }
  } catch (error) {
    const message = `the link leads nowhere: ${errorReason(error)}`
    if (errorCode(error) === 'ELOOP') {
      into.diagnostics.push(complainAt('SOURCE_SYMLINK_LOOP', path, 'this link leads to itself'))
    } else if (isConfig) into.files.push({ path, info: undefined, error: message, link: true })
    else if (wasFolder(path)) {
      into.diagnostics.push(complainAt('SOURCE_UNREADABLE', path, message))
      into.lost.push(path)
    }
  }
}

/** Three at a time: the thread pool has four threads, and a mount that hangs must leave one for the rest of the process. */
export async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(3, items.length) }, worker))
}
