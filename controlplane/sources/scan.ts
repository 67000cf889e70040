import { basename, dirname, resolve, sep } from 'node:path'
import { errorCode } from '../../errors/thrown.ts'
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import { byPath, chooseFiles, type FoundFile } from './choose-files.ts'
import { errorReason, type FileAccess, type FileInfo } from './file-access.ts'
import { type Folder, Found, type LinkedFolder } from './found.ts'
import type { StoreLimits } from './limits.ts'
import { fileAt, kept, listFolder, type ToList, targetFolders } from './list-folder.ts'
import { complainAt } from './yaml-documents.ts'

/** Where something may have changed: names in folders, or all of a folder, or everything. */
export type Dirty = ReadonlyMap<string, ReadonlySet<string> | 'all'> | 'all'

/** Everything found below the roots. */
export interface Scan {
  readonly files: ReadonlyMap<string, FoundFile>
  readonly diagnostics: readonly Diagnostic[]
  /**
   * Folders to watch, by path, with the listed folders (or root files) that each tells about: for any of its entries, or
   * for one name only.
   */
  readonly watch: ReadonlyMap<string, ReadonlyMap<string, string | undefined>>
  readonly goneRoots: readonly string[]
  readonly listed: ReadonlyMap<string, Folder>
  /** Links that are not followed because too much stands behind them, by path, with the identity of where they lead. */
  readonly notFollowed: ReadonlyMap<string, string>
}

export const nothingFound: Scan = {
  files: new Map(),
  diagnostics: [],
  watch: new Map(),
  goneRoots: [],
  listed: new Map(),
  notFollowed: new Map(),
}

/**
 * Looks at everything below the roots: folders by their listing, files by their state; nothing is read.
 *
 * Links are followed; a folder is entered once however many links lead to it, and never from inside itself. A link behind which
 * nearly nothing is configuration (`/proc`, a home folder) is given up early, before it has cost much. What cannot
 * be listed any more keeps its last listing, so that a mount that goes away is no deletion. With `dirty` only that is
 * looked at again, and folders that are new below it.
 */
export async function scan(
  roots: readonly string[],
  access: FileAccess,
  limits: StoreLimits,
  last: Scan = nothingFound,
  dirty: Dirty = 'all',
): Promise<Scan> {
  return await new Scanner(access, limits, last, dirty).run(roots)
}

/** More names than this and a folder is listed as a whole. */
const maxSingleNames = 64

/** What a link in a root may cost, and the links behind it. */
interface Budget {
  /** Entries behind it that are no configuration. */
  others: number
  told: boolean
}

class Scanner {
  readonly #access: FileAccess
  readonly #limits: StoreLimits
  readonly #last: Scan
  readonly #dirty: Dirty
  readonly #all = new Found()
  /** Where what is found goes. */
  #found = this.#all
  /** Of the link that is being followed. */
  #budget: Budget | undefined
  readonly #notFollowed = new Map<string, string>()
  readonly #goneRoots: string[] = []
  #full = false

  constructor(access: FileAccess, limits: StoreLimits, last: Scan, dirty: Dirty) {
    this.#access = access
    this.#limits = limits
    this.#last = last
    this.#dirty = dirty
  }

  async run(roots: readonly string[]): Promise<Scan> {
    for (const root of roots) await this.#root(root)
    const { files, diagnostics, watch, listed } = this.#all
    const choice = chooseFiles([...files.values()], this.#last.files, this.#limits)
    return {
      files: choice.files,
      diagnostics: [...diagnostics, ...choice.diagnostics],
      watch,
      goneRoots: this.#goneRoots,
      listed,
      notFollowed: this.#notFollowed,
    }
  }

  async #root(root: string): Promise<void> {
    this.#watchFor(dirname(resolve(root)), root, basename(resolve(root)))
    let info: FileInfo
    try {
      info = await this.#access.info(root)
    } catch (error) {
      this.#rootGone(root, errorReason(error))
      return
    }
    if (info.kind !== 'folder') {
      const file = await fileAt(this.#access, root)
      await this.#watchTarget(root, root)
      this.#found.files.set(root, file)
      return
    }
    const before = this.#last.listed.get(root)
    const links: LinkedFolder[] = []
    await this.#folder(root, info.identity, links)
    await this.#linked(links)
    if (before && before.identity !== info.identity && before.files.length + before.folders.length > 0) {
      if ([...this.#all.files.keys()].some((path) => isBelow(path, root))) return
      if (![...this.#last.files.keys()].some((path) => isBelow(path, root))) return
      this.#forgetBelow(root)
      this.#rootGone(root, 'this folder was replaced by an empty one')
    }
  }

  /** Folders behind links come after those that really stand there, so that the real path of a folder wins. */
  async #linked(links: LinkedFolder[]): Promise<void> {
    for (let round = links.sort(byPath).map((link) => ({ link, budget: newBudget() })); round.length > 0; ) {
      const next: typeof round = []
      for (const { link, budget } of round) {
        const entered = this.#all.entered.get(link.identity)
        if (entered === undefined)
          for (const inner of await this.#follow(link, budget)) next.push({ link: inner, budget })
        else
          this.#all.diagnostics.push(complainAt('SOURCE_SAME_FILE', link.path, `this folder is the same as ${entered}`))
      }
      round = next.sort((a, b) => byPath(a.link, b.link))
    }
  }

  /** Takes over what stands behind a link, unless that is too much. @returns the links found there */
  async #follow(link: LinkedFolder, budget: Budget): Promise<readonly LinkedFolder[]> {
    const { path, identity } = link
    const links: LinkedFolder[] = []
    const isKnown =
      this.#dirty !== 'all' && !this.#dirty.has(dirname(path)) && this.#last.notFollowed.get(path) === identity
    if (!isKnown && this.#fits(budget)) {
      this.#found = new Found()
      this.#budget = budget
      await this.#folder(path, identity, links)
      if (this.#fits(budget)) this.#all.take(this.#found)
      this.#found = this.#all
      this.#budget = undefined
      if (this.#fits(budget)) return links
    }
    this.#giveUp(link, budget)
    return []
  }

  #fits({ others }: Budget): boolean {
    return others <= this.#limits.entriesBehindLink
  }

  #giveUp({ path, real, identity }: LinkedFolder, budget: Budget): void {
    this.#notFollowed.set(path, identity)
    this.#keepFilesBelow(path)
    if (budget.told) return
    budget.told = true
    const most = this.#limits.entriesBehindLink
    const message = `this link leads to ${real}, with more than ${most} entries that are no configuration: it is not followed`
    this.#all.diagnostics.push(complainAt('SOURCE_TOO_MANY_FILES', path, message))
  }

  async #folder(path: string, identity: string, links: LinkedFolder[]): Promise<void> {
    if (this.#full) this.#keepBelow(path)
    if (this.#full || this.#all.entered.has(identity) || this.#found.entered.has(identity)) return
    if (this.#budget && !this.#fits(this.#budget)) return
    this.#found.entered.set(identity, path)
    const before = this.#last.listed.get(path)
    const dirty = this.#dirty === 'all' ? 'all' : this.#dirty.get(path)
    const same = before?.identity === identity && !before.stale
    const known = same && dirty === undefined
    const names = same && dirty !== 'all' && (dirty?.size ?? 0) <= maxSingleNames ? dirty : undefined
    const folder = known ? before : await this.#list({ path, identity, before, names })
    this.#found.listed.set(path, folder)
    this.#watchFor(path, path)
    for (const other of folder.elsewhere) this.#watchFor(other, path)
    this.#found.entries += folder.entries
    if (this.#budget) this.#budget.others += folder.entries - folder.files.length
    this.#found.diagnostics.push(...folder.diagnostics)
    for (const file of folder.files) this.#found.files.set(file.path, file)
    links.push(...folder.links)
    for (const below of folder.folders) {
      const info = known ? { identity: this.#last.listed.get(below)?.identity } : await this.#tryInfo(below)
      if (info?.identity !== undefined) await this.#folder(below, info.identity, links)
      else if (folder.stale) this.#keepBelow(below)
    }
  }

  async #list(what: ToList): Promise<Folder> {
    const found = this.#all.entries + (this.#found === this.#all ? 0 : this.#found.entries)
    const { folder, lost, isFull } = await listFolder(this.#access, what, {
      entries: { found, most: this.#limits.entries },
      wasFolder: (path) => this.#last.listed.has(path),
    })
    this.#full ||= isFull
    for (const path of lost) this.#keepBelow(path)
    return folder
  }

  async #tryInfo(path: string): Promise<FileInfo | undefined> {
    try {
      const info = await this.#access.info(path)
      return info.kind === 'folder' ? info : undefined
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      this.#found.diagnostics.push(
        complainAt('SOURCE_UNREADABLE', path, `the folder cannot be looked at: ${errorReason(error)}`),
      )
      this.#keepBelow(path)
      return undefined
    }
  }

  async #watchTarget(path: string, owner: string): Promise<void> {
    try {
      for (const folder of await targetFolders(this.#access, path)) this.#watchFor(folder, owner)
    } catch {
      // The file went away meanwhile: the next look finds that.
    }
  }

  #watchFor(folder: string, owner: string, only?: string): void {
    this.#found.watchFor(folder, owner, only)
  }

  #rootGone(root: string, reason: string): void {
    this.#goneRoots.push(root)
    this.#found.diagnostics.push(complainAt('SOURCE_FOLDER_GONE', root, reason))
    this.#keepBelow(root)
  }

  /** Takes over the last look at everything below a path. */
  #keepBelow(root: string): void {
    for (const [path, folder] of this.#last.listed)
      if (isBelow(path, root)) this.#found.listed.set(path, { ...folder, files: folder.files.map(kept), stale: true })
    this.#keepFilesBelow(root)
  }

  #keepFilesBelow(root: string): void {
    for (const [path, file] of this.#last.files) if (isBelow(path, root)) this.#found.files.set(path, kept(file))
  }

  #forgetBelow(root: string): void {
    for (const path of [...this.#all.listed.keys()]) if (isBelow(path, root)) this.#all.listed.delete(path)
  }
}

function newBudget(): Budget {
  return { others: 0, told: false }
}

function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep) || root === '.'
}
