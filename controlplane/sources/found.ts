import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import type { FoundFile } from './choose-files.ts'

/** A folder as last listed; kept when it cannot be listed again. */
export interface Folder {
  readonly path: string
  readonly real: string
  readonly identity: string
  readonly files: readonly FoundFile[]
  readonly folders: readonly string[]
  readonly links: readonly LinkedFolder[]
  /** Folders elsewhere that files of this one really lie in, to be watched. */
  readonly elsewhere: readonly string[]
  /** Entries of any kind. */
  readonly entries: number
  readonly diagnostics: readonly Diagnostic[]
  /** The last listing failed: this is the one before. */
  readonly stale: boolean
}

export interface LinkedFolder {
  readonly path: string
  readonly real: string
  readonly identity: string
}

/** What was found in one part of the walk: below the roots, or behind one link, of which all is taken or nothing. */
export class Found {
  readonly listed = new Map<string, Folder>()
  readonly files = new Map<string, FoundFile>()
  readonly diagnostics: Diagnostic[] = []
  readonly watch = new Map<string, Map<string, string | undefined>>()
  /** Folders that were entered, by identity. */
  readonly entered = new Map<string, string>()
  entries = 0

  /** Adds what was found below another folder. */
  take(other: Found): void {
    for (const [path, folder] of other.listed) this.listed.set(path, folder)
    for (const [path, file] of other.files) this.files.set(path, file)
    this.diagnostics.push(...other.diagnostics)
    for (const [folder, owners] of other.watch) for (const [owner, only] of owners) this.watchFor(folder, owner, only)
    for (const [identity, path] of other.entered) this.entered.set(identity, path)
    this.entries += other.entries
  }

  /** A folder is to be watched for an owner: all of it, or only one name in it. */
  watchFor(folder: string, owner: string, only?: string): void {
    const owners = this.watch.get(folder) ?? new Map<string, string | undefined>()
    this.watch.set(folder, owners)
    owners.set(owner, owners.has(owner) && owners.get(owner) !== only ? undefined : only)
  }
}
